"""SARIF 2.1.0 (OASIS standard), for code scanning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from raymesh import __version__
from raymesh.lint.catalog import PURL, lookup, page, title, url
from raymesh.lint.codehosts import fingerprints, where
from raymesh.lint.diagnostics import UNREADABLE, Diagnostic, Severity
from raymesh.lint.registry import all_rules

if TYPE_CHECKING:
    from raymesh.lint.run import Report

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_KINDS = {"comment": "inSource", "annotation": "inSource", "config": "external", "baseline": "external"}


def as_sarif(report: Report) -> str:
    """Findings with the pages of their rules; suppressed ones with the reason."""
    results = [_result(f, mark, []) for f, mark in zip(report.findings, fingerprints(report.findings), strict=True)]
    aside = [one.finding for one in report.suppressed]
    for one, mark in zip(report.suppressed, fingerprints(aside), strict=True):
        results.append(_result(one.finding, mark, [{"kind": _KINDS[one.by], "justification": one.reason}]))
    driver = {
        "name": "raymesh",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": PURL,
        "rules": [_rule(UNREADABLE, Severity.ERROR), *(_rule(r.id, r.severity) for r in all_rules().values())],
    }
    run: dict[str, Any] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"version": "2.1.0", "$schema": _SCHEMA, "runs": [run]}, indent=2)


def _rule(rule: str, severity: Severity) -> dict[str, Any]:
    return {
        "id": rule,
        "shortDescription": {"text": title(rule)},
        "help": {"text": lookup(rule), "markdown": page(rule)},
        "helpUri": url(rule),
        "defaultConfiguration": {"level": _LEVELS[severity]},
    }


def _result(finding: Diagnostic, fingerprint: str, suppressions: list[dict[str, str]]) -> dict[str, Any]:
    path, line, column = where(finding)
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message + (f"\nfix: {finding.fix}" if finding.fix else "")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path.encode("utf-8", "surrogateescape"))},
                    "region": {"startLine": line, "startColumn": column},
                }
            }
        ],
        "partialFingerprints": {"raymesh/v1": fingerprint},
        "suppressions": suppressions,  # none: known not to be suppressed
    }
