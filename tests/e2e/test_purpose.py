"""A subject does what it is there for: a RayJob ends, a RayService serves."""

import pytest

from fixtures.session import Judge, Looks
from raymesh.proof import purpose

pytestmark = pytest.mark.e2e


@pytest.mark.asks("end")
def test_the_rayjob_reaches_its_end(green: Looks, judge: Judge) -> None:
    """Ray calls the job succeeded, KubeRay the RayJob complete, and whoever submitted it has ended."""
    judge(green("the RayJob's end", purpose.reaches_its_end))


@pytest.mark.asks("serve")
def test_the_rayservice_serves(green: Looks, judge: Judge) -> None:
    """Its applications run, and Serve answers each call through its Service from inside the mesh."""
    judge(green("Serve's answers", purpose.serves, stable=2))
