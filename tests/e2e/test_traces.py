"""Every gRPC call is visible, on a port that carries what it declares."""

import pytest

from fixtures.session import Judge, Looks
from raymesh.proof import looks

pytestmark = pytest.mark.e2e


@pytest.mark.starts
@pytest.mark.asks("traces")
def test_rays_calls_are_visible_on_their_declared_ports(green: Looks, judge: Judge) -> None:
    """Calls on each kind of port, in each direction, are seen by both sidecars, and all that was counted is traced."""
    judge(green("traces by Jaeger, protocols on the ports", looks.work, looks.traces))
