"""The guide's own step 5: it ran beside what was asserted so far, for as long as it took."""

from concurrent.futures import Future

import pytest

from fixtures.run import Run
from raymesh.traffic import GUIDE_TASKS

pytestmark = pytest.mark.e2e


def test_the_guides_one_liner_ends_well(run: Run, guide_tasks: Future[str]) -> None:
    """5000 tasks, as the guide writes them, end without an error and print what they were given."""
    with run.progress.phase(f"wait for the guide's {GUIDE_TASKS} tasks"):
        printed = guide_tasks.result(timeout=run.settings.timeouts.install)
    assert "(<lambda> pid=" in printed
