"""What a bump of Ray changes: two recordings side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from raymesh.audit.recordings import Opened, Recording
from raymesh.ports.model import Role

Topic = Literal["flag", "port", "bind", "protocol", "process", "crossing"]


@dataclass(frozen=True, order=True)
class Change:
    """One thing that differs; `old` and `new` are empty where it is absent."""

    topic: Topic
    subject: str
    old: str
    new: str


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
