"""Applies the edits of findings, round by round, until none is left; text outside the edits stays as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from raymesh.lint.diagnostics import Diagnostic
from raymesh.lint.run import Report, lint_texts
from raymesh.manifests.places import Edit
from raymesh.manifests.relating import Options

ROUNDS = 1000  # one rule a round, and one edit a place; a worker range may need one for each port
# What a group says is put right before the Service is made to follow it.
FIRST = ("RM007", "RM019", "RM020", "RM021", "RM022", "RM023", "RM024")


def fix_texts(sources: dict[str, str], options: Options | None = None, disabled: Iterable[str] = ()) -> Report:
    """Cure what can be cured. The report has the new texts and the findings that are left.

    A round that makes a text unreadable, or changes nothing, is not taken.
    """
    off = tuple(disabled)
    report = lint_texts(sources, options, off)
    for _ in range(ROUNDS):
        changed = _apply(report.sources, _chosen(report.findings))
        if changed == report.sources:
            break
        after = lint_texts(changed, options, off)
        if len(after.unreadable) > len(report.unreadable):
            break
        report = after
    return report


def _chosen(findings: Iterable[Diagnostic]) -> dict[str, list[Edit]]:
    """Edits of one rule, those of whole findings that touch no other one's."""
    curable = sorted((f for f in findings if f.edits), key=lambda f: (f.rule not in FIRST, f.rule, f.place))
    chosen: dict[str, list[Edit]] = defaultdict(list)
    for finding in curable:
        if finding.rule != curable[0].rule:
            break
        if not any(_touch(e, other) for e in finding.edits for other in chosen[e.path]):
            for edit in finding.edits:
                chosen[edit.path].append(edit)
    return chosen


def _touch(one: Edit, other: Edit) -> bool:
    return one.start <= other.end and other.start <= one.end


def _apply(sources: dict[str, str], edits: dict[str, list[Edit]]) -> dict[str, str]:
    changed = dict(sources)
    for path, of_file in edits.items():
        text = changed[path]
        for edit in sorted(of_file, key=lambda e: e.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        changed[path] = text
    return changed
