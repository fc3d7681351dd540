"""A subject does what it is there for: a RayJob ends, a RayService serves."""

from functools import partial

import pytest

from fixtures.run import Run
from fixtures.session import Judge, Looks
from raymesh import deadlines
from raymesh.proof import looks, purpose
from raymesh.proof.bench import Bench
from raymesh.proof.settle import until_green

pytestmark = pytest.mark.e2e


@pytest.mark.asks("end")
def test_the_rayjob_reaches_its_end(green: Looks, judge: Judge) -> None:
    """Ray calls the job succeeded, KubeRay the RayJob complete, and whoever submitted it has ended."""
    judge(green("the RayJob's end", purpose.reaches_its_end))


@pytest.mark.asks("serve")
def test_the_rayservice_serves(green: Looks, judge: Judge) -> None:
    """Its applications run, and Serve answers each call through its Service from inside the mesh."""
    judge(green("Serve's answers", purpose.serves, stable=2))


@pytest.mark.last
@pytest.mark.asks("serve")
def test_an_upgrade_leaves_no_minute_in_plaintext(run: Run, second: Bench, judge: Judge) -> None:
    """The second cluster works, with mTLS at every sidecar, and never received a byte of other security."""
    asked = [partial(look, second) for look in (looks.work, looks.prometheus, looks.sidecars)]
    with run.progress.phase("the RayService's second cluster"):
        found = until_green("the second cluster", asked, within=deadlines.evidence())
    judge(second.asked(found))
