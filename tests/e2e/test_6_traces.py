"""Every gRPC call is visible, on a port that carries what it declares."""

from concurrent.futures import Future

import pytest

from fixtures.raycluster import Worked
from fixtures.run import Run
from fixtures.session import Judge
from raymesh.observe import Look, Work, calls_are_visible
from raymesh.ports import Contract

pytestmark = pytest.mark.e2e


def test_rays_calls_are_visible_on_their_declared_ports(
    run: Run,
    look: Look,
    work: Work,
    worked: Worked,
    contract: Contract,
    guide_tasks: Future[str],  # noqa: ARG001 - from here on they run beside all that is asserted
    judge: Judge,
) -> None:
    """Calls of this run on every kind of port are seen by both sidecars, each port as the protocol it declares."""
    within = run.settings.timeouts.evidence
    with run.progress.phase("gRPC traces by Jaeger, protocols on the ports"):
        judge(calls_are_visible(look, work, contract, since=worked.since, within=within))
