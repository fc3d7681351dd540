"""Every port that listens is declared."""

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.faults.stray import open_stray_port
from raymesh.mesh.guide import WORKER
from raymesh.observe import ports_listening
from raymesh.platform.kube import Kube
from raymesh.ports import Contract, Role
from raymesh.verdicts.finding import red
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_every_listening_port_is_known(
    run: Run, kube: Kube, ray_pods: dict[Role, Pod], contract: Contract, judge: Judge
) -> None:
    """Whatever listens in a Ray pod is in the contract, or on its list of named exceptions."""
    with run.progress.phase("listening ports"):
        judge(ports_listening(kube, ray_pods, contract))


def test_an_undeclared_port_is_seen(
    kube: Kube, ray_pods: dict[Role, Pod], contract: Contract, turned_red: Judge
) -> None:
    """The control: a port that nobody declared turns the verdict on the worker red, by its number."""
    port = open_stray_port(kube, ray_pods["worker"].name, WORKER, seconds=30)
    [found] = red(ports_listening(kube, ray_pods, contract))
    assert found.witness == "sockets of the worker"
    assert f"unknown: {port}" in found.seen
    turned_red([found])
