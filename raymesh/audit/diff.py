"""What a bump of Ray or of KubeRay changes: as recorded where both versions are, else as read from their sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from raymesh.audit.recordings import Opened, Recording, load, recorded_versions
from raymesh.errors import UsageError
from raymesh.ports import Version, contract
from raymesh.ports.flags import FLAGS, Span
from raymesh.ports.habits import HABITS
from raymesh.ports.habits import Topic as KubeRayTopic
from raymesh.ports.model import Port, Role

Topic = Literal["flag", "port", "bind", "protocol", "process", "crossing"] | KubeRayTopic
MEASURED = "measured"


@dataclass(frozen=True, order=True)
class Change:
    """One thing that differs; `old` and `new` are empty where it is absent."""

    topic: Topic
    subject: str
    old: str
    new: str
    known: str = MEASURED  # or where it was read


def ray_changes(old: Version, new: Version) -> tuple[list[Change], tuple[str, ...]]:
    """What differs between any two versions of Ray that are known, and what has to be said of how.

    Raises UsageError for a version that the contract would only assume.
    """
    for note in (note for one in (old, new) for note in contract(one).notes):
        raise UsageError(note.partition(": assuming")[0])
    unrecorded = [str(one) for one in (old, new) if str(one) not in recorded_versions()]
    if not unrecorded:
        return changes(load(str(old)), load(str(new))), ()
    note = f"no recorded audit of Ray {', '.join(unrecorded)}: bindings, processes and crossings are not compared"
    return _read_changes(old, new), (note,)


def kuberay_changes(old: Version, new: Version) -> list[Change]:
    """What differs between two versions of the KubeRay operator."""
    found = [Change(one.topic, one.subject, one.at(old), one.at(new), one.known(old, new)) for one in HABITS]
    return [change for change in found if change.old != change.new]


def _read_changes(old: Version, new: Version) -> list[Change]:
    """Flags and ports of the contract, which are read from released wheels where they are not measured."""
    found = [
        Change("flag", f"--{name}", _taken(span, old), _taken(span, new), "read: scripts.py of released wheels")
        for name, span in FLAGS.items()
    ]
    before, after = ({p.name: p for p in contract(v, serve=True).ports} for v in (old, new))
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        source = next(port.source for port in (was, now) if port is not None)
        found.append(Change("port", name, _opened_at(was), _opened_at(now), f"read: {source}"))
    return sorted(change for change in found if change.old != change.new)


def _taken(span: Span, version: Version) -> str:
    return "taken" if span.holds(version) else ""


def _opened_at(port: Port | None) -> str:
    if port is None:
        return ""
    numbers = port.numbers
    return "random" if numbers is None else str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def changes(old: Recording, new: Recording) -> list[Change]:
    """All that differs between two versions, sorted by topic."""
    flags = {**old.flags, **new.flags}
    found = [Change("flag", flag, old.flags.get(flag, ""), new.flags.get(flag, "")) for flag in flags]
    before, after = _ports(old.opened), _ports(new.opened)
    for key in {**before, **after}:
        subject = f"{key[1]} on the {key[0]}"
        was, now = before.get(key, ()), after.get(key, ())
        found.append(Change("port", subject, _words(one.number for one in was), _words(one.number for one in now)))
        if was and now:
            found.append(Change("bind", subject, _words(one.bind for one in was), _words(one.bind for one in now)))
            found.append(Change("process", subject, _words(o.process for o in was), _words(o.process for o in now)))
            found.append(Change("protocol", subject, _spoken(was), _spoken(now)))
    for crossed in {**old.crossed, **new.crossed}:
        subject = f"{crossed.name} {crossed.direction}"
        found.append(Change("crossing", subject, _seen(crossed in old.crossed), _seen(crossed in new.crossed)))
    return sorted(change for change in found if change.old != change.new)


def _ports(opened: Iterable[Opened]) -> dict[tuple[Role, str], tuple[Opened, ...]]:
    found: dict[tuple[Role, str], tuple[Opened, ...]] = {}
    for one in opened:
        key = (one.role, one.name)
        found[key] = (*found.get(key, ()), one)
    return found


def _spoken(ports: Iterable[Opened]) -> str:
    return _words(port.speaks for port in ports if port.speaks != "unknown")


def _words(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _seen(was: bool) -> str:
    return "crosses" if was else ""
