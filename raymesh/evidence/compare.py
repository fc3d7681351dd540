"""What one run has otherwise than another: versions, Services, containers, ports, edges, calls, verdicts, times.

Names that Kubernetes makes up are left out: a pod stands by its role. What is counted differs between any two runs, so
counts are compared only by whether there are any; memory, listeners and clusters have both figures, and judge nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from raymesh.evidence.record import Record
from raymesh.evidence.sights import ContainerSeen
from raymesh.evidence.text import printable, table

SUBJECT = "SUBJECT"  # stands for the name of what was proven
NOTHING = "-"  # what one of the two does not have
GREEN, RED, NOT_ASKED = "green", "red", "not asked"
NOT_RECORDED = "not in the record"
SEEN = ("service", "container", "flag", "probe", "trace", "port", "edge", "method", "sidecar")  # topics of the sights
EXACT, INEXACT = "just its verdicts red", "otherwise"
SHORT_SECONDS = 5.0  # phases that took less in both say nothing
MIB = 1024 * 1024


@dataclass(frozen=True)
class Change:
    """One thing that differs: of which topic, what, and what each run has of it. `worse`: what got worse."""

    topic: str
    what: str
    before: str
    after: str
    worse: bool = False


def compare(before: Record, after: Record) -> tuple[Change, ...]:
    """Return what differs, topic by topic."""
    both = zip(_facts(before), _facts(after), strict=True)
    found = [Change(topic, *row) for (topic, one), (_, other) in both for row in _by_topic(topic, one, other)]
    return (*_ended(before, after), *_verdicts(before, after), *_faults(before, after), *found)


def as_text(changes: Sequence[Change], before: str, after: str) -> str:
    """Return a table; `before` and `after` are what the two are called."""
    if not changes:
        return f"nothing differs between {printable(before)} and {printable(after)}\n"
    rows = [(_topic(one), one.what, one.before, one.after) for one in changes]
    return "\n".join(table(("", "what", before, after), rows)) + "\n"


def as_markdown(changes: Sequence[Change], before: str, after: str) -> str:
    """Return a table for a comment: what names and answers bring along stays text."""
    if not changes:
        return f"Nothing differs between {_safe(before)} and {_safe(after)}.\n"
    rows = [("", "what", before, after), *((_topic(one), one.what, one.before, one.after) for one in changes)]
    shown = [f"| {' | '.join(_safe(cell) for cell in row)} |" for row in rows]
    return "\n".join([shown[0], "| --- | --- | --- | --- |", *shown[1:]]) + "\n"


def _topic(change: Change) -> str:
    return f"{change.topic}: WORSE" if change.worse else change.topic


def _safe(text: str) -> str:
    line = " ".join(printable(text).split())
    return "".join(f"&#{ord(char)};" if char in "|<>&`*_[]\\@#" else char for char in line)


def _verdicts(before: Record, after: Record) -> Iterator[Change]:
    """Yield each verdict whose answer differs. A green one that is red, or that nobody asked for any more, is worse."""
    one, other = _answers(before), _answers(after)
    for id_ in sorted(one.keys() | other.keys()):
        was, now = one.get(id_, NOT_ASKED), other.get(id_, NOT_ASKED)
        if was != now:
            title = after.title(id_) if after.title(id_) != id_ else before.title(id_)
            yield Change("verdict", title, was, now, worse=was == GREEN or (was == NOT_ASKED and now == RED))


def _ended(before: Record, after: Record) -> Iterator[Change]:
    if before.status != after.status:
        yield Change("run", "status", before.status, after.status, worse=after.status != "passed")


def _faults(before: Record, after: Record) -> Iterator[Change]:
    """Yield each fault that went otherwise: one that turned just its verdicts red, and does not any more, is worse."""
    one, other = ({run.fault: EXACT if run.ok else INEXACT for run in record.faults} for record in (before, after))
    for what, was, now in _different(one, other):
        yield Change("fault", what, was, now, worse=now == INEXACT or (was == EXACT and now == NOTHING))


def _answers(record: Record) -> dict[str, str]:
    """Return by id whether every finding of a verdict was green."""
    return {
        id_: GREEN if all(one.ok for one in record.judgements if one.verdict == id_) else RED for id_ in record.judged
    }


def _facts(record: Record) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each topic with all of its facts, whatever the record has of them."""
    yield "version", _versions(record)
    yield "run", _run(record)
    yield "contract", _contract(record)
    yield "subject", _subject(record)
    yield "service", _services(record)
    yield "container", _containers(record)
    yield "flag", _flags(record)
    yield "probe", _probes(record)
    yield "trace", _spans(record)
    yield "port", _ports(record)
    yield "edge", _edges(record)
    yield "method", _methods(record)
    yield "sidecar", _sidecars(record)
    yield "time", _times(record)


def _versions(record: Record) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for one in record.versions:
        found.setdefault(one.program, set()).add(one.version)
    for proxy in record.proxies:
        found.setdefault("proxy", set()).add(f"{proxy.name} {proxy.version}")
    return {program: _listed(versions) for program, versions in found.items()}


def _run(record: Record) -> dict[str, str]:
    images = record.images
    return {"images": images.source, "mirror": images.mirror or NOTHING, **images.given} if images else {}


def _contract(record: Record) -> dict[str, str]:
    """By name of port: numbers, protocol, who opens it, which way it is crossed, where it is declared."""
    return {
        one.name: f"{_range(one.first, one.last)} {one.app_protocol}, {_listed(one.roles)}, "
        f"crossed {_listed(one.crosses)}, declared in {one.declared_in}"
        for one in (record.subject.ports if record.subject else ())
    }


def _range(first: int | None, last: int | None) -> str:
    if first is None:
        return "random"
    return str(first) if first == last else f"{first}-{last}"


def _subject(record: Record) -> dict[str, str]:
    one = record.subject
    if not one:
        return {}
    accounts, groups = _listed(one.service_accounts), _listed(f"{group.name} {group.pods}" for group in one.groups)
    return {
        "kind": one.kind,
        "head Service": _own(record, one.head_service),
        "service accounts": accounts,
        "groups": groups,
        "tracing service": _own(record, one.tracing_service),
    }


def _own(record: Record, name: str) -> str:
    """Return a name without that of the subject, which may be another's."""
    own = record.subject.name if record.subject else ""
    return re.sub(rf"(?<![\w-]){re.escape(own)}(?!\w)", SUBJECT, name) if own else name


def _services(record: Record) -> dict[str, str]:
    return {
        _own(record, one.name): f"{'headless' if one.headless else 'with an address'}, of {one.maker or 'nobody'}: "
        + ("; ".join(one.ports) or "no port")
        for one in (record.sights.services if record.sights else ())
    }


def _containers(record: Record) -> dict[str, str]:
    """By role and name: what kind it is; a native sidecar is up before all others, and not in their list."""
    return _gathered((f"{one.role} {one.name}", one.kind) for one in _all_containers(record))


def _flags(record: Record) -> dict[str, str]:
    """By role and flag of `ray start`: its value."""
    split = [(one.role, *flag.partition("=")) for one in _all_containers(record) for flag in one.flags]
    return _gathered((f"{role} {name}", _own(record, value) or "given") for role, name, _, value in split)


def _probes(record: Record) -> dict[str, str]:
    """By role, container and kind of probe: what it does."""
    split = [(one, *probe.partition(": ")) for one in _all_containers(record) for probe in one.probes]
    return _gathered((f"{one.role} {one.name} {kind}", _own(record, does)) for one, kind, _, does in split)


def _all_containers(record: Record) -> tuple[ContainerSeen, ...]:
    return record.sights.containers if record.sights else ()


def _gathered(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return all that is said of each thing, each once."""
    found: dict[str, set[str]] = {}
    for name, value in rows:
        found.setdefault(name, set()).add(value)
    return {name: _listed(values) for name, values in found.items()}


def _spans(record: Record) -> dict[str, str]:
    """By what spans, their services and their tags are called: that there are any."""
    spans = record.sights.spans if record.sights else None
    kinds = {"service": spans.services, "span": spans.names, "tag": spans.tags} if spans else {}
    return {f"{kind} {_own(record, name)}": "there" for kind, names in kinds.items() for name in names}


def _ports(record: Record) -> dict[str, str]:
    return {
        f"{one.role} {one.number}": f"{one.name or 'nameless'}, "
        f"{'listens' if one.listens == one.pods else f'listens in {one.listens} of {one.pods}'}, "
        f"seen as {_listed(one.seen_as)}, crossed {_listed(one.crossed)}, "
        f"{'traced' if one.calls else 'not traced'}"
        for one in (record.sights.ports if record.sights else ())
    }


def _edges(record: Record) -> dict[str, str]:
    return {
        f"{one.source} to {one.target}, {one.protocol}": f"{one.mtls_percent:.0f} % mTLS, "
        f"{one.source_identity or 'nobody'} to {one.target_identity or 'nobody'}"
        for one in (record.sights.edges if record.sights else ())
    }


def _methods(record: Record) -> dict[str, str]:
    return {
        f"{one.method} on {one.port}": _listed(one.ways) for one in (record.sights.methods if record.sights else ())
    }


def _sidecars(record: Record) -> dict[str, str]:
    """By figure: the median of memory, and each number, of all Ray pods' sidecars."""
    seen = record.sights.sidecars if record.sights else ()
    if not seen:
        return {}
    return {
        "memory": f"{median(one.memory for one in seen) / MIB:.0f} MiB",
        "listeners": _listed({str(one.listeners) for one in seen}),
        "clusters": _listed({str(one.clusters) for one in seen}),
    }


def _times(record: Record) -> dict[str, str]:
    return {one.phase: f"{one.seconds:.0f} s" for one in record.phases if one.seconds >= SHORT_SECONDS}


def _by_topic(topic: str, one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield what differs; where one record has nothing of what was to be seen, that alone is said."""
    if topic in SEEN and bool(one) != bool(other):
        was, now = (f"{len(facts)} of them" if facts else NOT_RECORDED for facts in (one, other))
        yield "whatever was seen", was, now
    else:
        yield from _different(one, other)


def _different(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(one.keys() | other.keys()):
        was, now = one.get(name, NOTHING), other.get(name, NOTHING)
        if was != now:
            yield name, was, now


def _listed(words: Iterable[str]) -> str:
    found = sorted(words)
    return " ".join(found) or NOTHING
