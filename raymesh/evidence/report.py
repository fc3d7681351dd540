"""The end of a run, as text for the terminal and as timings.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from textwrap import shorten

from raymesh.progress import Timing
from raymesh.verdicts.finding import Finding

GAP = "  "
SEEN_CHARS = 100
CONTROLLED = "red: made so on purpose, by a control, which shows that the verdict can fail"
NOT_CONTROLLED = "no control ran: nothing shows that these verdicts can fail"


@dataclass(frozen=True)
class Judged:
    """A finding, and the test that asked for it. Of a control it is one that is red, as it has to be."""

    test: str
    finding: Finding
    control: bool = False


def report(timings: Sequence[Timing], judged: Sequence[Judged], artifacts: Path) -> str:
    """Return phases with their times, verdicts with witness and figures, and where the rest is."""
    parts = [phase_table(timings), verdict_table(judged), f"artifacts: {artifacts}"]
    return "\n\n".join(parts) + "\n"


def phase_table(timings: Sequence[Timing]) -> str:
    """Phases in the order of their start; they may overlap, so the total is the time from first start to last end."""
    if not timings:
        return "no phases"
    rows = [
        (timing.phase, f"{timing.start:.1f}", f"{timing.seconds:.1f}", "ok" if timing.ok else "FAILED")
        for timing in sorted(timings, key=lambda timing: timing.start)
    ]
    first = min(timing.start for timing in timings)
    last = max(timing.start + timing.seconds for timing in timings)
    return _table(("phase", "began s", "took s", ""), [*rows, ("total", "", f"{last - first:.1f}", "")], right=(1, 2))


def verdict_table(judged: Sequence[Judged]) -> str:
    """One line a finding, under its test; what failed has a line for what was expected and one for what was seen."""
    if not judged:
        return "no verdicts: nothing was proven"
    rows = [(_mark(one), one.finding.verdict, one.finding.witness, _figures(one)) for one in judged]
    lines = _table(("", "verdict", "witness", "figures"), rows).split("\n")
    text = [lines[0]]
    for test, group in groupby(zip(lines[1:], judged, strict=True), key=lambda pair: pair[1].test):
        text += [test, *(_explained(line, one) for line, one in group)]
    return "\n".join([*text, "", CONTROLLED if any(one.control for one in judged) else NOT_CONTROLLED])


def _mark(one: Judged) -> str:
    if one.control:
        return "red"
    return "ok" if one.finding.ok else "FAILED"


def _figures(one: Judged) -> str:
    if one.control:
        return shorten(one.finding.seen, SEEN_CHARS, placeholder=" ...")
    return ", ".join(f"{name} {value}" for name, value in one.finding.figures.items())


def _explained(line: str, one: Judged) -> str:
    if one.control or one.finding.ok:
        return line
    return f"{line}\n        expected: {one.finding.expected}\n        seen: {one.finding.seen}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: tuple[int, ...] = ()) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return GAP.join(cells).rstrip()

    return "\n".join(line(row) for row in (head, *rows))


def write_timings(timings: Sequence[Timing], path: Path) -> None:
    """Write phases as a list of objects: phase, start and seconds (since the run began), ok."""
    path.write_text(json.dumps([asdict(timing) for timing in timings], indent=2) + "\n")
