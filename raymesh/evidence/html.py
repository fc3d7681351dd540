"""The report as one HTML file, made from a record alone: no script, nothing from elsewhere, names from anywhere.

All text of a record goes through Jinja's escaping, and characters that can't be seen are spelled out. The page forbids
itself scripts, requests and frames by its own policy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from raymesh.evidence import matrix, posture
from raymesh.evidence.compare import compare
from raymesh.evidence.record import Judgement, Record, Status
from raymesh.evidence.sights import SpanSeen
from raymesh.evidence.text import printable
from raymesh.evidence.topology import WHOLE, drawing
from raymesh.verdicts.catalog import VERDICTS, WIRE_SEEN, Verdict
from raymesh.verdicts.pages import FAMILIES

TEMPLATE = "report.html.j2"
# Which of the witnesses' raw answers a finding stands on, by the beginning of their names.
RAW: Mapping[str, str] = {
    "Kiali": "kiali",
    "Jaeger": "jaeger",
    "Prometheus": "prometheus",
    "Envoy": "envoy",
    "probe": "knock",
    "sockets": "holders",
    "mesh": "jaeger",
    "the wire": "wire",
}
MOST_FILES = 8
# Of the programs, those whose versions stand on top, by the names that people know.
TOLD_FIRST: Mapping[str, str] = {
    "ray": "Ray",
    "istiod": "Istio",
    "kuberay-operator": "KubeRay",
    "kubernetes": "Kubernetes",
}
ENDED: Mapping[Status, str] = {
    "passed": "ended well, and yet something is wrong",
    "failed": "failed",
    "interrupted": "was interrupted",
    "incomplete": "has not ended, or died",
}


@dataclass(frozen=True)
class Chapter:
    """A verdict with what was found of it. `state` is `ok`, `bad`, or `none` where it was not asked."""

    verdict: Verdict
    judgements: tuple[Judgement, ...]
    state: str
    why_not: str
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Wrong:
    """What is red of one verdict: findings that say the same are one, with the tests that asked."""

    verdict: str
    findings: tuple[tuple[Judgement, tuple[str, ...]], ...]


def page(record: Record, against: Record | None = None, files: Collection[str] = ()) -> str:
    """Return the page. `files` are names beside it, to which evidence may link; `against` is an earlier record."""
    chapters = _chapters(record)
    return _template().render(
        record=record,
        answer=_answer(record),
        families=_families(chapters),
        ids={chapter.verdict.id for chapter in chapters},
        family_titles=FAMILIES,
        red=[one for one in record.judgements if not one.ok],
        wrong=_wrong(record),
        figures=_figures(record),
        drawing=drawing(record),
        posture=posture.rows(record.sights.ports) if record.sights else (),
        columns=_columns(record),
        fault_families=matrix.families(record),
        cell=matrix.cell,
        phases=sorted(record.phases, key=lambda timing: timing.start),
        last=max((timing.start + timing.seconds for timing in record.phases), default=0.0),
        against=against,
        changes=compare(against, record) if against else (),
        evidence=lambda one: _evidence(one, files),
        bundle=lambda test: _bundle(test, files),
        observed=_observed(record),
        proxies=Counter(f"{one.name} {one.version}" for one in record.proxies),
    )


def _answer(record: Record) -> tuple[str, str, str]:
    """Return a class, the answer in a few words, and what it means."""
    if record.status == "passed" and not record.wrong:
        return "ok", "Proven", "Every verdict that was asked holds, of every pod."
    red = any(not one.ok for one in record.judgements) or bool(record.failures)
    if record.status in ("interrupted", "incomplete") and not red:
        return "none", "No proof", f"The run {ENDED[record.status]}: what it had judged by then is below."
    return "bad", "Not proven", f"The run {ENDED[record.status]}. What is wrong stands first."


def _wrong(record: Record) -> list[Wrong]:
    by_verdict: dict[str, dict[tuple[str, ...], list[Judgement]]] = {}
    for one in record.judgements:
        if not one.ok:
            said = (one.about, one.expected, one.seen, one.witness)
            by_verdict.setdefault(one.verdict, {}).setdefault(said, []).append(one)
    return [
        Wrong(verdict, tuple((same[0], tuple(one.test for one in same)) for same in found.values()))
        for verdict, found in by_verdict.items()
    ]


def _figures(record: Record) -> list[tuple[str, str, bool]]:
    """Return what the run comes to in a few figures: the figure, of what it is one, and whether it is as it should be.

    What nobody looked at has none.
    """
    found: list[tuple[str, str, bool]] = []
    if record.subject and record.subject.pods:
        found.append((str(len(record.subject.pods)), "Ray pods", True))
    sights = record.sights
    if sights and sights.edges:
        good = sum(edge.mtls_percent == WHOLE for edge in sights.edges)
        found.append((posture.of(good, len(sights.edges)), "edges all mTLS", good == len(sights.edges)))
    if sights and sights.calls:
        found.append((f"{sum(one.calls for one in sights.calls):,}", "calls between Ray pods traced", True))
    if sights and (listening := [port for port in sights.ports if port.listens]):
        good = sum(not posture.wrong(port) for port in listening)
        found.append((posture.of(good, len(listening)), "listening ports as they should be", good == len(listening)))
    knocks = sum(port.knocks for port in sights.ports) if sights else 0
    if sights and knocks:
        refused = sum(port.refused for port in sights.ports)
        found.append((posture.of(refused, knocks), "attempts of outsiders refused", refused == knocks))
    packets = [one.figures.get("packets") for one in record.judgements if one.verdict == WIRE_SEEN.id and one.ok]
    if most := max((count for count in packets if isinstance(count, int)), default=0):
        found.append((f"{most:,}", "packets on the wire judged", True))
    if record.faults:
        good = sum(run.ok for run in record.faults)
        found.append((posture.of(good, len(record.faults)), "faults exact", good == len(record.faults)))
    return found


def _chapters(record: Record) -> tuple[Chapter, ...]:
    found: dict[str, list[Judgement]] = {verdict.id: [] for verdict in record.verdicts}
    for one in record.judgements:
        found.setdefault(one.verdict, []).append(one)
    for id_ in _columns(record):  # the matrix leads to each
        found.setdefault(id_, [])
    known = {verdict.id: verdict for verdict in record.verdicts}
    return tuple(
        Chapter(
            known.get(id_) or VERDICTS.get(id_) or Verdict(id_, "not in the record's catalogue", "", ()),
            tuple(sorted(judgements, key=lambda one: one.ok)),
            "none" if not judgements else "ok" if all(one.ok for one in judgements) else "bad",
            record.not_asked.get(id_, "" if judgements else "not judged"),
            tuple(run.fault for run in record.faults if id_ in run.turned),
        )
        for id_, judgements in found.items()
    )


def _families(chapters: Sequence[Chapter]) -> Mapping[str, list[Chapter]]:
    by_family: dict[str, list[Chapter]] = {}
    for chapter in chapters:
        by_family.setdefault(chapter.verdict.id[:2], []).append(chapter)
    return by_family


def _columns(record: Record) -> tuple[str, ...]:
    """The verdicts that a fault of this run names or turned red: the others would be empty columns."""
    return tuple(sorted({id_ for run in record.faults for id_ in (*run.expected, *run.turned)}))


def _observed(record: Record) -> Sequence[tuple[str, str]]:
    versions: dict[str, set[str]] = {}
    for one in record.versions:
        versions.setdefault(one.program, set()).add(one.version)
    first = [*TOLD_FIRST, *sorted(versions.keys() - TOLD_FIRST.keys())]
    return [(program, ", ".join(sorted(versions[program]))) for program in first if program in versions]


def _evidence(one: Judgement, files: Collection[str]) -> list[tuple[str, str]]:
    """Return the raw answers beside the page that a finding stands on, as address and name: the last of each kind."""
    start = RAW.get(one.witness)
    mine = sorted(name for name in files if start and name.startswith(f"raw/{start}-"))
    of_pod = [name for name in mine if one.about and f"-{one.about}" in name]
    return [(quote(name), name.removeprefix("raw/")) for name in (of_pod or mine)[:MOST_FILES]]


def _bundle(test: str, files: Collection[str]) -> list[tuple[str, str]]:
    """Return what the cluster looked like when a test failed, as address and name."""
    folder = "bundles/" + re.sub(r"[^\w.-]+", "-", test) + "/"
    return [(quote(name), name.removeprefix(folder)) for name in sorted(files) if name.startswith(folder)][:MOST_FILES]


def _shown(value: object) -> object:
    """Spell out what can't be seen: it could turn the direction of what follows."""
    made = hasattr(value, "__html__")  # by a macro, of what was spelled out already
    return printable(value) if isinstance(value, str) and not made else value


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds / 1000:,.1f}"


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f}"


def _bar(offset: float, length: float, whole: float) -> tuple[float, float]:
    """Return where a bar begins and how long it is, in percent; a short one can still be seen."""
    if whole <= 0:
        return 0.0, 100.0
    begin = min(99.5, max(0.0, 100 * offset / whole))
    return round(begin, 2), round(min(100 - begin, max(0.5, 100 * length / whole)), 2)


def _span_end(spans: Sequence[SpanSeen]) -> int:
    return max((span.offset + span.duration for span in spans), default=0)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("raymesh.evidence", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters |= {"ms": _milliseconds, "mib": _mebibytes}
    made.globals |= {"bar": _bar, "span_end": _span_end, "of": posture.of, "TOLD_FIRST": TOLD_FIRST}
    return made


@cache
def _template() -> Template:
    return _environment().get_template(TEMPLATE)
