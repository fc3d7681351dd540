"""Prints findings: for people, for programs, for code hosts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from raymesh.lint.diagnostics import UNREADABLE, Diagnostic, Severity
from raymesh.lint.registry import all_rules
from raymesh.lint.run import Report

PAGES = "docs/rules"
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(report: Report, colour: bool) -> str:
    """One finding a line with its cure below, and a summary."""
    lines = []
    for f in report.findings:
        word = f"{f.severity} {f.rule}"
        if colour:
            word = f"\x1b[{_COLOURS[f.severity]}m{word}\x1b[0m"
        lines.append(f"{f.place}: {word}: {f.message}")
        if f.fix:
            lines.append(f"    fix: {f.fix}" + (" (--fix does it)" if f.edits else ""))
    lines.append(_summary(report.findings, report.documents))
    return "\n".join(lines)


def as_json(report: Report, colour: bool = False) -> str:  # noqa: ARG001 - all formats are called alike
    """Every field of every finding, and the count of documents."""
    findings = [
        {
            "rule": f.rule,
            "severity": str(f.severity),
            "path": f.place.path,
            "line": f.place.line,
            "column": f.place.column,
            "message": f.message,
            "fix": f.fix,
            "fixable": bool(f.edits),
        }
        for f in report.findings
    ]
    return json.dumps({"documents": report.documents, "findings": findings}, indent=2)


def as_github(report: Report, colour: bool = False) -> str:  # noqa: ARG001 - all formats are called alike
    """Annotations of a GitHub workflow."""
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
    return "\n".join(
        f"::{words[f.severity]} file={_property(f.place.path)},line={f.place.line},col={f.place.column},"
        f"title={f.rule}::{_data(f.message + (f'; fix: {f.fix}' if f.fix else ''))}"
        for f in report.findings
    )


def as_sarif(report: Report, colour: bool = False) -> str:  # noqa: ARG001 - all formats are called alike
    """SARIF 2.1.0, for code scanning."""
    levels = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
    rules = [{"id": UNREADABLE, "shortDescription": {"text": "could not be read"}}] + [
        {"id": r.id, "shortDescription": {"text": r.title}, "help": {"text": f"{PAGES}/{r.id}.md"}}
        for r in all_rules().values()
    ]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "raymesh", "rules": rules}},
        "results": [
            {
                "ruleId": f.rule,
                "level": levels[f.severity],
                "message": {"text": f.message + (f"\nfix: {f.fix}" if f.fix else "")},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": f.place.path},
                            "region": {"startLine": f.place.line, "startColumn": f.place.column},
                        }
                    }
                ],
            }
            for f in report.findings
        ],
    }
    return json.dumps({"version": "2.1.0", "$schema": _SCHEMA, "runs": [run]}, indent=2)


FORMATS: dict[str, Callable[[Report, bool], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}


def _summary(findings: Sequence[Diagnostic], documents: int) -> str:
    counts = [(s, sum(f.severity == s for f in findings)) for s in reversed(Severity)]
    told = ", ".join(f"{n} {s}{'s' if n > 1 else ''}" for s, n in counts if n) or "clean"
    return f"{documents} document{'s' if documents != 1 else ''}: {told}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
