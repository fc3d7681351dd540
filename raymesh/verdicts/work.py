"""Work: what Ray says that it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from raymesh.verdicts.catalog import GUIDE, JOB, WORKED
from raymesh.verdicts.finding import Finding, Findings, some

WITNESS = "Ray"
SUCCEEDED = "SUCCEEDED"


def every_node_worked(calls: Mapping[str, int], wanted: Collection[str], why: str = "") -> Findings:
    """Judge a round of work: how many calls each node answered, by its host; `why` it was not done, if it was not."""
    idle = sorted(host for host in wanted if not calls.get(host))
    return (
        Finding(
            WORKED,
            ok=bool(wanted) and not idle and set(calls) == set(wanted) and not why,
            expected=f"calls answered, objects taken, agent and logs read at {some(sorted(wanted))}",
            seen=why or some(f"{host} {count} calls" for host, count in calls.items()),
            witness=WITNESS,
            figures={"calls": sum(calls.values())},
        ),
    )


def job_ran(status: str, address: str, log: str, *, wanted: str) -> Findings:
    """Judge a job that ended: its status, and the address that its driver printed as its own node's."""
    return (
        Finding(
            JOB,
            ok=status == SUCCEEDED and bool(wanted) and address == wanted,
            expected=f"{SUCCEEDED}, with a driver on {wanted}",
            seen=f"{status}, with a driver on {address or 'no node that it named'}"
            + ("" if status == SUCCEEDED else f"; its log ends: {log[-300:]}"),
            witness=WITNESS,
        ),
    )


def guide_printed(before: Counter[int], after: Counter[int], *, tasks: int) -> Findings:
    """Judge what Ray's workers printed between two readings of their logs: each task prints its own number, once.

    Not what the driver shows: Ray folds lines that are alike, and the last ones may come too late for it.
    """
    seen = after - before
    missing = [number for number in range(tasks) if not seen[number]]
    twice = [number for number, count in seen.items() if count > 1]
    others = [number for number in seen if number not in range(tasks)]
    return (
        Finding(
            GUIDE,
            ok=tasks > 0 and not missing and not twice and not others,
            expected=f"{tasks} lines, each number from 0 to {tasks - 1} once",
            seen=f"{seen.total()} lines; missing: {some(missing)}; twice: {some(twice)}; others: {some(others)}",
            witness=WITNESS,
            figures={"lines": seen.total()},
        ),
    )
