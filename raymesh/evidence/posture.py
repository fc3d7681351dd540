"""The posture of the ports: declared, listening, dialled, encrypted, traced, refused, by role; as rows and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from raymesh.errors import UsageError
from raymesh.evidence.record import Record
from raymesh.evidence.sights import PortSeen
from raymesh.evidence.text import table

NONE = "-"
HEAD = ("", "role", "port", "name", "declared", "listens", "by", "speaks", "crossed", "mTLS", "traced", "refused")


@dataclass(frozen=True)
class Row:
    """One port, or a run of ports of one name at which nothing was to be seen. `wrong` says what is, by column."""

    port: PortSeen
    last: int
    wrong: dict[str, str]

    @property
    def numbers(self) -> str:
        """The number, or the first and the last."""
        return str(self.port.number) if self.last == self.port.number else f"{self.port.number}-{self.last}"

    @property
    def idle(self) -> bool:
        """Whether nothing was to be seen at it."""
        return _idle(self.port)


def rows(ports: Iterable[PortSeen]) -> tuple[Row, ...]:
    """Return a row for each port; neighbours of one name at which nothing was to be seen share one."""
    found: list[Row] = []
    for port in ports:
        last = found[-1] if found else None
        if last and _idle(port) and last.idle and _alike(last.port, port) and port.number == last.last + 1:
            found[-1] = Row(last.port, port.number, last.wrong)
        else:
            found.append(Row(port, port.number, wrong(port)))
    return tuple(found)


def wrong(port: PortSeen) -> dict[str, str]:
    """Return what is not as it should be at a port, by column; what was not looked at is not wrong, nor is it right."""
    found: dict[str, str] = {}
    if port.listens and not port.name:
        found["name"] = "not in the port contract"
    if port.mtls < port.asked and port.listens:
        found["mtls"] = f"{port.asked - port.mtls} sidecars let in what is not mTLS"
    if port.refused < port.knocks:
        found["refused"] = f"{port.knocks - port.refused} attempts were not turned away as they must be"
    if port.seen_as and set(port.seen_as) != {port.declared}:
        found["speaks"] = f"seen as {' and '.join(port.seen_as)}, declared {port.declared or 'nowhere'}"
    return found


def as_text(record: Record) -> str:
    """Return the table. Raises UsageError where the record has none."""
    if record.sights is None or not record.sights.ports:
        raise UsageError("this record shows no ports: it is of an older raymesh, or the run ended before it looked")
    return "\n".join(table(HEAD, [_cells(row) for row in rows(record.sights.ports)])) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    port = row.port
    return (
        "RED" if row.wrong else "",
        port.role,
        row.numbers,
        port.name or "?",
        f"{port.declared} ({port.declared_in})" if port.declared else NONE,
        of(port.listens, port.pods),
        _list(port.held_by),
        port.speaks or NONE,
        _list(port.crossed),
        of(port.mtls, port.asked),
        str(port.calls) if port.calls else NONE,
        of(port.refused, port.knocks),
    )


def of(some: int, every: int) -> str:
    """Return a share as `2/3`; a dash where nobody was asked."""
    return f"{some}/{every}" if every else NONE


def _list(words: Sequence[str]) -> str:
    return ", ".join(words) or NONE


def _idle(port: PortSeen) -> bool:
    return not (port.listens or port.calls or port.knocks)


def _alike(one: PortSeen, other: PortSeen) -> bool:
    keys = [(p.role, p.name, p.declared, p.declared_in, p.pods, p.asked, p.mtls, p.seen_as) for p in (one, other)]
    return keys[0] == keys[1]
