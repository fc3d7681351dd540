"""Every gRPC call is visible."""

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.observe import jaeger_shows_calls
from raymesh.ports import Contract, Role
from raymesh.traffic import Traffic
from raymesh.witness.jaeger import Jaeger
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_jaeger_shows_rays_own_calls(
    run: Run, jaeger: Jaeger, traffic: Traffic, ray_pods: dict[Role, Pod], contract: Contract, judge: Judge
) -> None:
    """Calls of this run, seen by both sidecars, on the node manager's, object manager's, worker and agent ports."""
    with run.progress.phase("gRPC traces by Jaeger"):
        judge(jaeger_shows_calls(jaeger, traffic, ray_pods, contract, within=run.settings.timeouts.evidence))
