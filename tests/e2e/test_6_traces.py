"""Every gRPC call is visible, on a port that carries what it declares."""

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.observe import jaeger_shows_calls, protocols_crossing
from raymesh.ports import Contract, Role
from raymesh.traffic import Traffic
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.jaeger import Jaeger
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_jaeger_shows_rays_own_calls(
    run: Run, jaeger: Jaeger, traffic: Traffic, ray_pods: dict[Role, Pod], contract: Contract, judge: Judge
) -> None:
    """Calls of this run, seen by both sidecars, on the node manager's, object manager's, worker and agent ports."""
    with run.progress.phase("gRPC traces by Jaeger"):
        judge(jaeger_shows_calls(jaeger, traffic, ray_pods, contract, within=run.settings.timeouts.evidence))


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
