"""Ray does its work across the mesh: without this, nothing that the mesh shows proves anything."""

import pytest

from fixtures.run import Run
from raymesh.observe import node_address
from raymesh.ports import Role
from raymesh.traffic import STEPS, Traffic
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_both_nodes_work(run: Run, traffic: Traffic) -> None:
    """Tasks, actor calls, 40 MB objects with their checksum and log files go both ways."""
    with run.progress.phase("tasks, actors, objects and logs on both nodes"):
        proofs = traffic.drive(STEPS)
    assert [proof.step for proof in proofs] == list(STEPS)


def test_a_job_runs_on_the_worker(run: Run, traffic: Traffic, ray_pods: dict[Role, Pod]) -> None:
    """A job submitted on 8265 runs on the worker; its status and log come back through the head."""
    worker = node_address(ray_pods["worker"])
    with run.progress.phase("a job on the worker"):
        proof = traffic.job(worker, run.settings.timeouts.ready)
    assert worker in proof.detail
