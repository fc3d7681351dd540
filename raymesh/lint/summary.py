"""What a run says at its end: how much was found, and what was not checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from raymesh.lint.diagnostics import Severity

if TYPE_CHECKING:
    from raymesh.lint.run import Report


def summary(report: Report) -> str:
    """One line: documents, what was fixed, what is left, what was suppressed."""
    parts = []
    if report.before_fixing is not None:
        fixed = max(report.before_fixing - len(report.findings) - report.hidden, 0)
        parts.append(f"fixed {fixed} of {report.before_fixing}")
    counts = [(s, sum(f.severity == s for f in report.findings)) for s in reversed(Severity)]
    parts.append(", ".join(_many(n, str(s)) for s, n in counts if n) or ("nothing" if report.hidden else "clean"))
    if report.hidden:
        parts.append(f"{report.hidden} not shown")
    if report.suppressed:
        parts.append(f"{len(report.suppressed)} suppressed")
    return f"{_many(report.documents, 'document')}: {'; '.join(parts)}"


def not_checked(report: Report) -> list[str]:
    """A line for each reason why something was left alone."""
    lines = []
    if not report.clusters and not report.unreadable:
        found = _many(report.documents, "document")
        lines.append(f"warning: no RayCluster, RayJob, RayService or RayCronJob in {found}: nothing of Ray was checked")
    if report.unmeshed:
        kinds = _join(_many(n, kind) for kind, n in sorted(report.unmeshed.items()))
        lines.append(f"not checked: {kinds}, not in a mesh: mesh rules skipped; --mesh applies them")
    if report.gone:
        lines.append(f"note: {_many(report.gone, 'finding')} of the baseline gone: --write-baseline takes them out")
    return lines


def _many(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


def _join(parts: Iterable[str]) -> str:
    return ", ".join(parts)
