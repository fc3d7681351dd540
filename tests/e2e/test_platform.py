"""What runs is what the lane says, and each Ray pod is whole in the mesh."""

import pytest

from fixtures.session import Judge, Looks
from raymesh.proof import looks

pytestmark = pytest.mark.e2e


@pytest.mark.asks("platform")
def test_the_platform_is_the_lanes(green: Looks, judge: Judge) -> None:
    """Every pod is Ready, each program reports the lane's version, Ray's nodes are known by their pods' names."""
    judge(green("platform", looks.work, looks.platform))
