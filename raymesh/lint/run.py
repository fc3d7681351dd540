"""Lints paths: reads, groups, relates, runs every rule that is on, and puts aside what somebody suppressed."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import yaml

from raymesh.lint.charts import by_chart
from raymesh.lint.diagnostics import Diagnostic, Severity, Suppressed, unreadable
from raymesh.lint.grouping import groups
from raymesh.lint.policy import Policy
from raymesh.lint.registry import SUPPRESSES_NOTHING, Rule, all_rules
from raymesh.lint.suppress import suppressions
from raymesh.manifests.clusters import API_GROUP, CLUSTER_SPEC
from raymesh.manifests.collecting import collect
from raymesh.manifests.kustomize import is_kustomization, kustomization
from raymesh.manifests.objects import Objects
from raymesh.manifests.origins import REMOTE
from raymesh.manifests.places import Place, Unread
from raymesh.manifests.policies import Kustomization
from raymesh.manifests.reading import STDIN, Document, find_files, parse, read_file
from raymesh.manifests.relating import Options, make_world
from raymesh.manifests.resources import Index, Resource, resources
from raymesh.manifests.tree import ShapeError, child


@dataclass
class Report:
    """What one run found, in the order of the files, and what it did not look at."""

    findings: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)  # text of every file that could be read
    documents: int = 0
    suppressed: list[Suppressed] = field(default_factory=list)
    unmeshed: Counter[str] = field(default_factory=Counter)  # kinds of clusters that rules of the mesh left alone
    clusters: int = 0
    gone: int = 0  # findings of the baseline that are no longer there
    before_fixing: int | None = None  # findings before --fix
    hidden: int = 0  # findings of a lower severity than what is shown

    @property
    def unreadable(self) -> list[Diagnostic]:
        """What could not be read."""
        return [f for f in self.findings if f.unreadable]

    def hide_below(self, least: Severity) -> None:
        """Keep the findings of a severity and above; the others are counted."""
        shown = [finding for finding in self.findings if finding.severity >= least]
        self.hidden += len(self.findings) - len(shown)
        self.findings = shown

    def join(self, other: Report) -> None:
        """Take in what another run found."""
        self.findings = sorted([*self.findings, *other.findings], key=_order)
        self.sources.update(other.sources)
        self.suppressed += other.suppressed
        self.unmeshed += other.unmeshed
        self.documents += other.documents
        self.clusters += other.clusters
        self.gone += other.gone
        self.hidden += other.hidden
        if other.before_fixing is not None:
            self.before_fixing = (self.before_fixing or 0) + other.before_fixing


@dataclass
class _File:
    documents: list[Document] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)


def read_texts(paths: Iterable[str | Unread], named: Iterable[str] = ()) -> tuple[dict[str, str], list[Diagnostic]]:
    """The texts of files, and what could not be read. Those in `named` were asked for: unreadable, they fail a run."""
    asked = set(named)
    sources: dict[str, str] = {}
    problems: list[Diagnostic] = []
    for path in paths:
        text = read_file(path) if isinstance(path, str) else path
        if isinstance(text, Unread):
            problems.append(unreadable(replace(text, ours=True) if path in asked else text))
        else:
            sources[str(path)] = text
    return sources, problems


def lint_paths(paths: Iterable[str], options: Options | None = None, policy: Policy | None = None) -> Report:
    """Lint files, folders and standard input together: a Service may lie beside its cluster in another file."""
    given = list(paths)
    sources, problems = read_texts(find_files(given), given)
    report = lint_texts(sources, options, policy, given)
    report.findings = sorted([*problems, *report.findings], key=_order)
    return report


def lint_texts(
    sources: Mapping[str, str],
    options: Options | None = None,
    policy: Policy | None = None,
    named: Iterable[str] = (),
) -> Report:
    """Lint texts by the path that findings shall name. What can't be read in one of `named` is an error in any case."""
    with _no_collector():
        return _lint(dict(sources), options or Options(), policy or Policy(), frozenset(named))


def _lint(sources: dict[str, str], options: Options, policy: Policy, named: frozenset[str]) -> Report:
    report = Report(sources=sources)
    found: list[Diagnostic] = []
    files: dict[str, _File] = {}
    kustomizations: list[Kustomization] = []
    for path, text in sources.items():
        files[path] = file = _File()
        for item in parse(path, text):
            if isinstance(item, Unread):
                found.append(unreadable(replace(item, ours=True) if path in named else item))
                continue
            report.documents += 1
            kustomizations += _kustomization(item)
            file.documents.append(item)
            file.resources += resources(item)
    rules = [rule for rule in all_rules().values() if policy.runs(rule.id)]
    held = {path: file.resources for path, file in files.items()}
    unmeshed: dict[Place, str] = {}
    meshed: set[Place] = set()
    for group in groups(held, kustomizations, policy.group_by):
        found += _judge([files[path] for path in group], options, rules, unmeshed, meshed)
    every = [resource for file in files.values() for resource in file.resources]
    report.clusters = sum(r.kind in CLUSTER_SPEC and r.group in ("", API_GROUP) for r in every)
    report.unmeshed = Counter(kind for place, kind in unmeshed.items() if place not in meshed)
    _settle(report, by_chart(dict.fromkeys(found)), every, policy, frozenset(rule.id for rule in rules))
    return report


def _kustomization(doc: Document) -> Iterator[Kustomization]:
    if isinstance(doc.root, yaml.MappingNode):
        kind = child(doc.root, "kind")
        with suppress(ShapeError):  # told when the document is collected
            if is_kustomization(doc, doc.root, str(kind.value) if kind else None):
                yield kustomization(doc, doc.root)


def _judge(
    files: list[_File], options: Options, rules: list[Rule], unmeshed: dict[Place, str], meshed: set[Place]
) -> list[Diagnostic]:
    """The findings of one group of files."""
    objects = Objects()
    found: list[Diagnostic] = []
    for file in files:
        objects.resources += file.resources
        for document in file.documents:
            try:
                collect(document, objects)
            except ShapeError as error:
                found.append(unreadable(Unread(document.place(error.node), error.inside(document.root))))
    world = make_world(objects, options)
    meshed |= {case.cluster.name.place for case in (*world.cases, *world.ambient)}
    unmeshed |= {cluster.name.place: cluster.kind for cluster in world.objects.clusters}
    found = [one for one in found if not world.unrendered.holds(one.place.path)]
    for rule in rules:
        try:
            found.extend(rule.run(world))
        except ShapeError as error:  # of a field that only this rule reads
            found.append(_misshapen(error, files))
    return found


def _misshapen(error: ShapeError, files: list[_File]) -> Diagnostic:
    """The finding that a field is of a wrong shape, in the document that it stands in."""
    for document in (document for file in files for document in file.documents):
        waiting, seen = [document.root], set[int]()
        while waiting:
            node = waiting.pop()
            if node is error.node:
                return unreadable(Unread(document.place(node), error.inside(document.root)))
            if id(node) not in seen and isinstance(node, yaml.CollectionNode):
                seen.add(id(node))
                waiting += [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]
    raise error


def _settle(
    report: Report, found: list[Diagnostic], every: list[Resource], policy: Policy, ran: frozenset[str]
) -> None:
    """Say of each finding in which object it stands and how much it matters; put aside what is suppressed."""
    index = Index(every)
    aside = suppressions(report.sources, every)
    kept: list[Diagnostic] = []

    def keep(finding: Diagnostic, inside: Resource | None) -> None:
        path = finding.origin
        if not path or (finding.piped and policy.rendered_from and REMOTE not in path):
            path = _relative(path or finding.place.path, policy.folder)
        reason = policy.ignored_at(finding.rule, path)
        if reason is not None:
            report.suppressed.append(Suppressed(finding, "config", reason))
        else:
            suppressed = aside.apply(finding, inside)
            if suppressed:
                report.suppressed.append(suppressed)
            else:
                kept.append(replace(finding, severity=policy.weight(finding.rule, finding.severity)))

    for finding in [*found, *(one for one in aside.unclear if one.rule in ran)]:
        inside = index.at(finding.place)
        named = _named(finding, inside, policy)
        if finding.rule == "RM000":
            kept.append(named)
        else:
            keep(named, inside)
    if SUPPRESSES_NOTHING in ran:
        for finding in aside.idle(ran):
            inside = index.at(finding.place)
            keep(_named(finding, inside, policy), inside)
    if policy.baseline:
        fresh, known = policy.baseline.split(kept)
        report.suppressed += [Suppressed(f, "baseline", policy.baseline.path) for f in known]
        report.gone = policy.baseline.gone(kept)
        kept = fresh
    report.findings = sorted(kept, key=_order)


def _named(finding: Diagnostic, inside: Resource | None, policy: Policy) -> Diagnostic:
    """The finding with its object and the file that this was made of; what is no file can't be edited."""
    piped = finding.place.path == policy.piped
    if piped:
        finding = replace(finding, piped=True, edits=())
    if inside is None:
        return finding
    origin = inside.origin.below(policy.rendered_from if piped else "") if inside.origin else ""
    return replace(finding, resource=str(inside), origin=origin)


def _relative(path: str, folder: str) -> str:
    return path if path == STDIN else os.path.relpath(path, folder or None).replace(os.sep, "/")


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


def _order(finding: Diagnostic) -> tuple[str, int, int, str, str]:
    return finding.place.path, finding.place.line, finding.place.column, finding.rule, finding.message
