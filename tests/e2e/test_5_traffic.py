"""Ray does its work across the mesh: without this, nothing that the mesh shows proves anything."""

import pytest

from fixtures.raycluster import Worked
from raymesh.observe import node_address
from raymesh.ports import Role
from raymesh.traffic import STEPS
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_both_nodes_work(worked: Worked) -> None:
    """Tasks, actor calls, 40 MB objects with their checksum and log files go both ways."""
    assert [proof.step for proof in worked.proofs] == list(STEPS)


def test_a_job_runs_on_the_worker(worked: Worked, ray_pods: dict[Role, Pod]) -> None:
    """A job submitted on 8265 runs on the worker; its status and log come back through the head."""
    assert node_address(ray_pods["worker"]) in worked.job.detail
