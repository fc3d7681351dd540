"""The end of a run, as text for the terminal and as timings.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from raymesh.progress import Timing
from raymesh.verdicts.finding import Finding

GAP = "  "


def report(timings: Sequence[Timing], findings: Sequence[Finding], artifacts: Path) -> str:
    """Return phases with their times, verdicts with witness and figures, and where the rest is."""
    parts = [phase_table(timings), verdict_table(findings), f"artifacts: {artifacts}"]
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


def verdict_table(findings: Sequence[Finding]) -> str:
    """One line a finding; what failed has a line for what was expected and one for what was seen."""
    if not findings:
        return "no verdicts: nothing was proven"
    rows = [
        ("ok" if finding.ok else "FAILED", finding.verdict, finding.witness, _figures(finding)) for finding in findings
    ]
    lines = _table(("", "verdict", "witness", "figures"), rows).split("\n")
    body = zip(lines[1:], findings, strict=True)
    return "\n".join([lines[0], *(_explained(line, finding) for line, finding in body)])


def _figures(finding: Finding) -> str:
    return ", ".join(f"{name} {value}" for name, value in finding.figures.items())


def _explained(line: str, finding: Finding) -> str:
    if finding.ok:
        return line
    return f"{line}\n        expected: {finding.expected}\n        seen: {finding.seen}"


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
