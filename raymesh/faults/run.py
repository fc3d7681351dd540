"""Runs a fault: healthy before, red by just what it says, mended, and healthy again."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial

from raymesh import deadlines
from raymesh.faults.fault import Fault
from raymesh.mesh.istio import DRAIN_SECONDS
from raymesh.proof.bench import Bench
from raymesh.proof.looks import whole
from raymesh.proof.settle import Look, OtherwiseRed, silence, until_green, until_red
from raymesh.traffic import TrafficFailed
from raymesh.verdicts.finding import Findings, failures, holds
from raymesh.waiting import hold_for

IN_A_ROW = 2
DRAINED_SECONDS = DRAIN_SECONDS * 2


@dataclass(frozen=True)
class Outcome:
    """What a fault turned red, and how long it took until just that was, and until all was green again (seconds).

    `problem` says what went otherwise, empty where nothing did; times that never came are None.
    """

    fault: Fault
    red: Findings
    seconds_to_red: float | None
    seconds_to_green: float | None
    mended: bool
    problem: str


def run(bench: Bench, fault: Fault) -> Outcome:
    """Break, see red, mend, see green. The bench must be green before. Raises what breaking or mending raises."""
    within = deadlines.evidence()
    began = time.monotonic()
    bench.mark()
    looks: list[Look] = [partial(whole, bench, silence), *(partial(look, bench) for look in fault.looks.values())]
    found: Findings = ()
    problem, to_red = "", None
    try:
        with fault.broken(bench):
            if fault.cuts:
                rest(DRAINED_SECONDS)  # what goes on over connections of before is no sign of what is now
            bench.mark()
            try:
                found = until_red(fault.title, looks, fault.turns_red, within=within / 2, stable=IN_A_ROW)
                to_red = time.monotonic() - began
            except OtherwiseRed as error:
                found, problem = error.found, str(error)
    finally:
        mending = time.monotonic()
        recover(bench, cut=fault.cuts)
    findings = healthy(bench, f"whole again after: {fault.title}")
    mended = holds(findings)
    if not mended:
        problem += f"\nmended, and not green again:\n{failures(findings)}"
    return Outcome(fault, found, to_red, time.monotonic() - mending if mended else None, mended, problem.strip())


def recover(bench: Bench, *, cut: bool) -> None:
    """Let what a fault cut come back, and forgive what it left in counters that only go up."""
    if cut:
        bench.pulse.end()
        rest(DRAINED_SECONDS)
    bench.mark()
    with contextlib.suppress(TrafficFailed):  # whether it works is judged afterwards
        if bench.driven:
            bench.work()  # its spans come in while Prometheus is waited for
    bench.forgive()


def rest(seconds: float) -> None:
    """Wait until connections on a policy of before are drained: they are cut when that time is over, not sooner."""
    hold_for("old connections drain", lambda: None, holds=lambda _: True, seconds=seconds)


def healthy(bench: Bench, what: str) -> Findings:
    """Return the findings of a whole mesh, green or not."""
    return until_green(what, [partial(whole, bench)], within=deadlines.evidence())
