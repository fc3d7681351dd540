"""Ray does its work across the mesh: without this, nothing that the mesh shows proves anything."""

import pytest

from fixtures.session import Run
from raymesh.mesh.raycluster import SERVICE_HOST
from raymesh.ports import Role
from raymesh.traffic import GUIDE_TASKS, STEPS, Traffic
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_the_guides_one_liner_prints_every_number(run: Run, traffic: Traffic) -> None:
    """5000 tasks, as the guide writes them, end without an error."""
    with run.progress.phase(f"the guide's {GUIDE_TASKS} tasks"):
        traffic.guide(run.settings.timeouts.install)


def test_both_nodes_work(run: Run, traffic: Traffic) -> None:
    """Tasks, actor calls, 40 MB objects with their checksum and log files go both ways between head and worker."""
    with run.progress.phase("tasks, actors, objects and logs on both nodes"):
        proofs = traffic.drive(STEPS)
    assert [proof.step for proof in proofs] == list(STEPS)


def test_a_job_runs_on_the_worker(run: Run, traffic: Traffic, ray_pods: dict[Role, Pod]) -> None:
    """A job submitted on 8265 runs on the worker; its status and log come back through the head."""
    worker = f"{ray_pods['worker'].ip.replace('.', '-')}.{SERVICE_HOST}"
    with run.progress.phase("a job on the worker"):
        proof = traffic.job(worker, run.settings.timeouts.ready)
    assert worker in proof.detail
