"""Nothing between Ray's nodes can be read where it leaves them: by the packets themselves."""

import pytest

from fixtures.session import Judge, Looks
from raymesh.proof import listening

pytestmark = pytest.mark.e2e


@pytest.mark.asks("wire")
def test_every_packet_between_ray_pods_is_of_tls_1_3(green: Looks, judge: Judge) -> None:
    """Each connection begins as TLS 1.3 or carries its records alone, nothing of Ray can be read, there is no UDP."""
    judge(green("packets on the wire", listening.wire))
