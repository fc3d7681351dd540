"""Prints findings: for people and for programs. What code hosts take is in raymesh.lint.codehosts.

The JSON format has a version; within one version fields are added, none is taken away or changes its meaning.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from raymesh import __version__
from raymesh.lint.catalog import lookup, title, url
from raymesh.lint.diagnostics import Diagnostic, Severity
from raymesh.lint.run import Report
from raymesh.lint.summary import not_checked, summary
from raymesh.manifests.places import shown

JSON_VERSION = 1
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}


def as_text(report: Report, colour: bool = False, statistics: bool = False, verbose: int = 0) -> str:
    """One finding a line with its cure below, then what was not checked, then a summary.

    `verbose` below 0 leaves the findings alone, above 0 lists what was suppressed, too.
    """
    lines = as_lines(report.findings, colour, pages=verbose >= 0)
    if verbose > 0:
        for one in report.suppressed:
            lines.append(f"{one.finding.place}: suppressed {one.finding.rule} by {one.by}: {shown(one.reason)}")
    if statistics:
        lines += _statistics(report)
    if verbose >= 0:
        lines += [*not_checked(report), summary(report)]
    return "\n".join(lines)


def as_lines(findings: Iterable[Diagnostic], colour: bool = False, pages: bool = True) -> list[str]:
    """Each finding with its cure below; the page of a rule is named where the rule is first."""
    lines: list[str] = []
    told: set[str] = set()
    for finding in findings:
        lines += _finding(finding, colour)
        if finding.rule not in told and pages:
            lines.append(f"    see: {lookup(finding.rule)}")
        told.add(finding.rule)
    return lines


def as_json(report: Report) -> str:
    """Every field of every finding, what was suppressed and why, and what was not checked."""
    data = {
        "version": JSON_VERSION,
        "raymesh": __version__,
        "documents": report.documents,
        "findings": [_fields(f) for f in report.findings],
        "suppressed": [_fields(one.finding) | {"by": one.by, "reason": one.reason} for one in report.suppressed],
        "not_checked": not_checked(report),
        "summary": summary(report),
    }
    return json.dumps(data, indent=2)


def _of(module: str, name: str) -> Callable[[Report], str]:
    """A format whose module is imported when it is asked for: most runs print text."""

    def printed(report: Report) -> str:
        return str(getattr(importlib.import_module(f"raymesh.lint.{module}"), name)(report))

    return printed


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": _of("sarif", "as_sarif"),
    "github": _of("codehosts", "as_github"),
    "gitlab": _of("codehosts", "as_gitlab"),
    "junit": _of("codehosts", "as_junit"),
    "markdown": _of("codehosts", "as_markdown"),
}


def _finding(finding: Diagnostic, colour: bool) -> Iterator[str]:
    word = f"{finding.severity} {finding.rule}"
    if colour:
        word = f"\x1b[{_COLOURS[finding.severity]}m{word}\x1b[0m"
    origin = f" (from {shown(finding.origin)})" if finding.origin else ""
    yield f"{finding.place}: {word}: {shown(finding.message)}{origin}"
    if finding.fix:
        yield f"    fix: {shown(finding.fix)}" + (" (--fix does it)" if finding.edits else "")


def _statistics(report: Report) -> Iterator[str]:
    counted = Counter((f.rule, f.severity) for f in report.findings)
    for (rule, severity), count in sorted(counted.items(), key=lambda row: (-row[1], row[0])):
        yield f"{count:5}  {rule}  {severity}: {title(rule)}"


def _fields(finding: Diagnostic) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "path": finding.place.path,
        "line": finding.place.line,
        "column": finding.place.column,
        "message": finding.message,
        "fix": finding.fix,
        "fixable": bool(finding.edits),
        "object": finding.resource,
        "origin": finding.origin,
        "url": url(finding.rule),
    }
