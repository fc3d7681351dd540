"""Work: a job on the node that was asked for, and every one of the guide's lines."""

from __future__ import annotations

from collections import Counter

import pytest

from raymesh.verdicts.catalog import GUIDE, JOB
from raymesh.verdicts.work import guide_printed, job_ran
from tests.unit.verdicts.built_subject import HEAD, WORKER_A
from tests.unit.verdicts.colour import red

TASKS = 5000
EARLIER = Counter({7: 1, 9999: 2})
ALL = EARLIER + Counter(range(TASKS))


def test_a_job_on_its_node_is_green() -> None:
    assert red(job_ran("SUCCEEDED", WORKER_A.host, "", wanted=WORKER_A.host)) == set()


@pytest.mark.parametrize(
    ("status", "address"),
    [("SUCCEEDED", HEAD.host), ("SUCCEEDED", ""), ("FAILED", WORKER_A.host), ("STOPPED", WORKER_A.host)],
)
def test_a_job_elsewhere_or_failed_is_red(status: str, address: str) -> None:
    assert red(job_ran(status, address, "the log", wanted=WORKER_A.host)) == {JOB}


def test_a_job_that_was_wanted_nowhere_proves_nothing() -> None:
    assert red(job_ran("SUCCEEDED", "", "", wanted="")) == {JOB}


def test_every_line_once_is_green() -> None:
    findings = guide_printed(EARLIER, ALL, tasks=TASKS)
    assert red(findings) == set()
    assert findings[0].figures == {"lines": TASKS}


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (ALL - Counter([4999]), "missing: 4999"),
        (EARLIER + Counter([0]), "1 lines; missing: 1; 2; 3"),
        (EARLIER, "0 lines"),
        (ALL + Counter([3]), "twice: 3"),
        (ALL + Counter([TASKS]), f"others: {TASKS}"),
    ],
)
def test_a_line_too_few_or_too_many_is_red(after: Counter[int], says: str) -> None:
    findings = guide_printed(EARLIER, after, tasks=TASKS)
    assert red(findings) == {GUIDE}
    assert says in findings[0].seen


def test_no_tasks_prove_nothing() -> None:
    assert red(guide_printed(Counter(), Counter(), tasks=0)) == {GUIDE}
