"""Lints paths: reads, relates, runs every rule that is on."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from raymesh.lint.diagnostics import Diagnostic, unreadable
from raymesh.lint.registry import all_rules
from raymesh.manifests.collecting import collect
from raymesh.manifests.objects import Objects
from raymesh.manifests.places import Unread
from raymesh.manifests.reading import Document, find_files, parse, read_file
from raymesh.manifests.relating import Options, make_world
from raymesh.manifests.tree import ShapeError


@dataclass
class Report:
    """What one run found, in the order of the files."""

    findings: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)  # text of every file that could be read
    documents: int = 0

    @property
    def unreadable(self) -> list[Diagnostic]:
        """What could not be read."""
        return [f for f in self.findings if f.unreadable]


def lint_paths(paths: Iterable[str], options: Options | None = None, disabled: Iterable[str] = ()) -> Report:
    """Lint files, folders and standard input together: a Service may lie beside its cluster in another file."""
    sources: dict[str, str] = {}
    problems: list[Diagnostic] = []
    for path in find_files(paths):
        text = read_file(path) if isinstance(path, str) else path
        if isinstance(text, Unread):
            problems.append(unreadable(text))
        else:
            sources[str(path)] = text
    report = lint_texts(sources, options, disabled)
    report.findings = sorted([*problems, *report.findings], key=_order)
    return report


def lint_texts(sources: dict[str, str], options: Options | None = None, disabled: Iterable[str] = ()) -> Report:
    """Lint texts by the path that findings shall name."""
    with _no_collector():
        return _lint(sources, options or Options(), frozenset(disabled))


def _lint(sources: dict[str, str], options: Options, disabled: frozenset[str]) -> Report:
    report = Report(sources=dict(sources))
    objects = Objects()
    for path, text in sources.items():
        for item in parse(path, text):
            if isinstance(item, Unread):
                report.findings.append(unreadable(item))
            else:
                report.documents += 1
                report.findings.extend(_collect(item, objects))
    world = make_world(objects, options)
    report.findings = [f for f in report.findings if not world.unrendered.holds(f.place.path)]
    for rule in all_rules().values():
        if rule.id not in disabled:
            report.findings.extend(rule.run(world))
    report.findings.sort(key=_order)
    return report


@contextmanager
def _no_collector() -> Iterator[None]:
    """Pause the garbage collector: it would walk the growing trees again and again (twice the time in all)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _collect(document: Document, objects: Objects) -> Iterable[Diagnostic]:
    try:
        collect(document, objects)
    except ShapeError as error:
        yield unreadable(Unread(document.place(error.node), str(error)))


def _order(finding: Diagnostic) -> tuple[str, int, int, str, str]:
    return finding.place.path, finding.place.line, finding.place.column, finding.rule, finding.message
