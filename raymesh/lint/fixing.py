"""Applies the edits of findings, round by round, until none is left; text outside the edits stays as it is.

No cure may lead into another fault: what is found after a fix and was not there before is undone with its cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from raymesh.lint.diagnostics import Diagnostic
from raymesh.lint.policy import Policy
from raymesh.lint.run import Report, lint_texts
from raymesh.manifests.editing import apply_edits, is_json, shares
from raymesh.manifests.places import Edit
from raymesh.manifests.relating import Options

ROUNDS = 1000  # one rule a round, and one edit a place; a worker range may need one for each port
# What a group says is put right before the Service is made to follow it.
FIRST = ("RM007", "RM019", "RM020", "RM021", "RM022", "RM023", "RM024")
_Name = tuple[str, str, str]


def fix_texts(sources: dict[str, str], options: Options | None = None, policy: Policy | None = None) -> Report:
    """Cure what can be cured without harm. The report has the new texts and the findings that are left.

    A cure that leads to a finding of a kind that its file did not have is not taken, nor one that makes a text
    unreadable, JSON to something else, or that would change another place by an alias. Such findings have no edits.
    """
    before = lint_texts(sources, options, policy)
    report = _fixed(before, options, policy, ())
    if _worse(before, report):
        curable = {_name(f) for f in before.findings if f.edits}
        harmful = {one for one in curable if _worse(before, _fixed(before, options, policy, curable - {one}))}
        report = _fixed(before, options, policy, harmful)
        if _worse(before, report):
            report = _fixed(before, options, policy, curable)
    report.before_fixing = len(before.findings)
    return report


def _fixed(report: Report, options: Options | None, policy: Policy | None, left: Collection[_Name]) -> Report:
    """The report after all rounds without the cures of the findings in `left`."""
    left = set(left)
    for _ in range(ROUNDS):
        report.findings = [_without_harm(f, report.sources, left) for f in report.findings]
        chosen = _chosen(report.findings)
        changed = _apply(report.sources, chosen)
        if changed == report.sources or any(is_json(report.sources[p]) > is_json(t) for p, t in changed.items()):
            break
        after = lint_texts(changed, options, policy)
        if len(after.unreadable) > len(report.unreadable):
            break
        was, now = (Counter(_name(f) for f in one.findings) for one in (report, after))
        left.update(name for name in map(_name, chosen) if now[name] >= was[name])  # it did not help
        report = after
    return report


def _worse(before: Report, after: Report) -> bool:
    """Whether a file has more findings of some rule than before."""
    was, now = (Counter((f.rule, f.place.path) for f in report.findings) for report in (before, after))
    return any(count > was[what] for what, count in now.items())


def _name(finding: Diagnostic) -> _Name:
    return finding.rule, finding.place.path, finding.message


def _without_harm(finding: Diagnostic, sources: Mapping[str, str], left: Collection[_Name]) -> Diagnostic:
    if not finding.edits:
        return finding
    if _name(finding) in left or any(shares(sources[edit.path], edit) for edit in finding.edits):
        return replace(finding, edits=())
    return finding


def _chosen(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Curable findings of one rule, those whose edits touch no other one's."""
    curable = sorted((f for f in findings if f.edits), key=lambda f: (f.rule not in FIRST, f.rule, f.place))
    chosen: list[Diagnostic] = []
    taken: list[Edit] = []
    for finding in curable:
        if finding.rule != curable[0].rule:
            break
        if not any(_touch(edit, other) for edit in finding.edits for other in taken):
            chosen.append(finding)
            taken += finding.edits
    return chosen


def _touch(one: Edit, other: Edit) -> bool:
    return one.path == other.path and one.start <= other.end and other.start <= one.end


def _apply(sources: dict[str, str], chosen: Iterable[Diagnostic]) -> dict[str, str]:
    edits: dict[str, list[Edit]] = {}
    for edit in (edit for finding in chosen for edit in finding.edits):
        edits.setdefault(edit.path, []).append(edit)
    return sources | {path: apply_edits(sources[path], of_file) for path, of_file in edits.items()}
