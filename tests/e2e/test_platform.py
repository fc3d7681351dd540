"""What runs is what the lane says, and each Ray pod is whole in the mesh."""

import pytest

from fixtures.run import Run
from fixtures.session import Judge, Looks
from raymesh.proof import looks
from raymesh.proof.bench import Bench

pytestmark = pytest.mark.e2e


@pytest.mark.asks("platform")
def test_the_platform_is_the_lanes(run: Run, bench: Bench, green: Looks, judge: Judge) -> None:
    """Every pod is Ready, each program reports the lane's version, Ray's nodes are known by their pods' names."""
    judge(green("platform", looks.work, looks.platform))
    run.builder.versions(looks.observed_versions(bench))
