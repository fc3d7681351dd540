"""Findings as code hosts and CI servers take them: GitHub annotations, GitLab code quality, JUnit, Markdown."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from raymesh.lint.catalog import lookup, title
from raymesh.lint.diagnostics import Diagnostic, Severity
from raymesh.lint.summary import not_checked, summary
from raymesh.manifests.origins import REMOTE
from raymesh.manifests.places import shown

if TYPE_CHECKING:
    from raymesh.lint.run import Report

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}
_NOT_XML = {code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\t\n\r"}


def where(finding: Diagnostic) -> tuple[str, int, int]:
    """The file of a repository that a finding belongs to, line and column.

    For what came over standard input that is the template it was rendered from: its first line, as lines differ.
    """
    if finding.piped and finding.origin and REMOTE not in finding.origin:
        return finding.origin, 1, 1
    return finding.place.path, finding.place.line, finding.place.column


def fingerprints(findings: Iterable[Diagnostic]) -> list[str]:
    """A name for each finding that stays while lines move; equal ones are counted."""
    seen: Counter[str] = Counter()
    made = []
    for finding in findings:
        text = "\0".join((finding.rule, where(finding)[0], finding.resource, finding.message))
        seen[text] += 1
        made.append(hashlib.sha256(f"{text}\0{seen[text]}".encode("utf-8", "surrogateescape")).hexdigest())
    return made


def as_github(report: Report) -> str:
    """Annotations of a GitHub workflow."""
    lines = []
    for finding in report.findings:
        path, line, column = where(finding)
        lines.append(
            f"::{_GITHUB[finding.severity]} file={_property(path)},line={line},col={column},title={finding.rule}::"
            + _data(f"{_told(finding)} ({lookup(finding.rule)})")
        )
    return "\n".join(lines)


def as_gitlab(report: Report) -> str:
    """A code quality report of GitLab."""
    rows = []
    for finding, mark in zip(report.findings, fingerprints(report.findings), strict=True):
        path, line, _ = where(finding)
        rows.append(
            {
                "description": f"{finding.rule}: {_told(finding)}",
                "check_name": finding.rule,
                "fingerprint": mark,
                "severity": _GITLAB[finding.severity],
                "location": {"path": path.removeprefix("./"), "lines": {"begin": line}},
            }
        )
    return json.dumps(rows, indent=2)


def as_junit(report: Report) -> str:
    """A JUnit report: a test case for each file, failed by errors and warnings, and one for what was read in vain."""
    from xml.etree import ElementTree as Tree  # noqa: PLC0415 - most runs write no XML, and none is read here

    suite = Tree.Element("testsuite", name="raymesh ports lint")
    failures = 0
    for path in sorted({*report.sources, *(f.place.path for f in report.findings)}):
        case = Tree.SubElement(suite, "testcase", classname="raymesh", name=_xml(path))
        for finding in (f for f in report.findings if f.place.path == path):
            told = f"{finding.place}: {finding.severity} {finding.rule}: {_told(finding)}\nsee: {lookup(finding.rule)}"
            if finding.severity >= Severity.WARNING:
                failures += 1
                failure = Tree.SubElement(case, "failure", type=finding.rule, message=_xml(finding.message))
                failure.text = _xml(told)
            else:
                Tree.SubElement(case, "system-out").text = _xml(told)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in suite)))
    suite.set("errors", "0")
    root = Tree.Element("testsuites")
    root.append(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Tree.tostring(root, encoding="unicode")


def as_markdown(report: Report) -> str:
    """A table for the summary of a CI step or a comment on a pull request."""
    lines = ["### raymesh ports lint", "", summary(report)]
    if report.findings:
        lines += ["", "| | rule | where | what |", "| --- | --- | --- | --- |"]
    for finding in report.findings:
        path, line, _ = where(finding)
        rule = f"{finding.rule}: {_cell(title(finding.rule))}"
        lines.append(f"| {finding.severity} | {rule} | `{_cell(path)}:{line}` | {_cell(_told(finding))} |")
    return "\n".join([*lines, "", *(f"- {_cell(line)}" for line in not_checked(report))]).rstrip() + "\n"


def _told(finding: Diagnostic) -> str:
    return finding.message + (f"; fix: {finding.fix}" if finding.fix else "")


def _cell(text: str) -> str:
    return shown(text).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")


def _data(text: str) -> str:
    return shown(text, keep="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _xml(text: str) -> str:
    return text.encode("utf-8", "replace").decode().translate(_NOT_XML)
