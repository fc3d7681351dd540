"""Charts of Helm that lie in a repository: one finding a chart says that it was not judged, not one a template."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from raymesh.lint.diagnostics import Diagnostic
from raymesh.manifests.reading import UNRENDERED

_CHART, _TEMPLATES, _PARTS = "Chart.yaml", "templates", "charts"


def by_chart(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The findings, those of unrendered templates gathered at the first one of their chart."""
    kept: list[Diagnostic] = []
    gathered: dict[Path, list[Diagnostic]] = {}
    for finding in found:
        chart = _chart(finding.place.path) if finding.message == UNRENDERED else None
        if chart is None:
            kept.append(finding)
        else:
            gathered.setdefault(chart, []).append(finding)
    return kept + [_told(chart.as_posix(), of_chart) for chart, of_chart in gathered.items()]


def _told(chart: str, found: list[Diagnostic]) -> Diagnostic:
    count = len({finding.place.path for finding in found})
    told = f"{count} template{'' if count == 1 else 's'} that name{'s' if count == 1 else ''} Ray or a mesh"
    return replace(
        min(found, key=lambda finding: finding.place),
        message=f"chart {chart} is not rendered: nothing was judged in {told}",
        fix=f"`helm template {chart} | raymesh ports lint - --stdin-name {chart}`, and leave it out here: "
        f'exclude = ["{chart}/{_TEMPLATES}/**"]',
    )


def _chart(path: str) -> Path | None:
    """The outermost chart that a template belongs to; None for what is no template of a chart."""
    for folder in Path(path).parents:
        if folder.name == _TEMPLATES and (folder.parent / _CHART).is_file():
            return _outermost(folder.parent)
    return None


def _outermost(chart: Path) -> Path:
    above = chart.parent
    if above.name == _PARTS and (above.parent / _CHART).is_file():
        return _outermost(above.parent)
    return chart
