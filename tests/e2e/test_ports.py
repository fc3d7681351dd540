"""Every port that listens is declared, and held by Ray; nothing goes past the sidecars."""

import pytest

from fixtures.session import Judge, Looks
from raymesh.proof import looks

pytestmark = pytest.mark.e2e


@pytest.mark.asks("ports")
def test_every_listening_port_is_known(green: Looks, judge: Judge) -> None:
    """Whatever listens in a Ray pod is in the contract and Ray's own, no UDP port is open, no connection bypasses."""
    judge(green("listening ports and connections", looks.work, looks.ports))
