"""Every port is declared, and seen by the mesh as what it was declared."""

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.kube import Kube
from raymesh.mesh.raycluster import WORKER
from raymesh.observe import ports_listening, protocols_crossing
from raymesh.ports import Contract, Role
from raymesh.probes.stray import open_stray_port
from raymesh.traffic import Traffic
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.jaeger import Jaeger
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_every_listening_port_is_known(
    run: Run, kube: Kube, ray_pods: dict[Role, Pod], contract: Contract, judge: Judge
) -> None:
    """Whatever listens in a Ray pod is in the contract, or on its list of named exceptions."""
    with run.progress.phase("listening ports"):
        judge(ports_listening(kube, ray_pods, contract))


def test_an_undeclared_port_is_seen(kube: Kube, ray_pods: dict[Role, Pod], contract: Contract) -> None:
    """The control: a port that nobody declared turns the verdict on the worker red, by its number."""
    port = open_stray_port(kube, ray_pods["worker"].name, WORKER, seconds=30)
    red = [finding for finding in ports_listening(kube, ray_pods, contract) if not finding.ok]
    assert [finding.witness for finding in red] == ["sockets of the worker"]
    assert f"unknown: {port}" in red[0].seen


def test_ports_carry_what_they_declare(
    run: Run,
    jaeger: Jaeger,
    sidecars: dict[Role, EnvoyAdmin],
    traffic: Traffic,
    ray_pods: dict[Role, Pod],
    contract: Contract,
    judge: Judge,
) -> None:
    """Each port that traffic crossed is seen by the mesh as its declared protocol."""
    with run.progress.phase("protocols on the ports"):
        judge(protocols_crossing(jaeger, sidecars, traffic, ray_pods, contract, within=run.settings.timeouts.evidence))
