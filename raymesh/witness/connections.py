"""The connections of a pod, each with its bytes by the kernel's count, as raymesh/inside/connections.py has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raymesh.errors import Unreadable
from raymesh.witness.fields import Field, read_json
from raymesh.witness.holders import SIDECAR_UID
from raymesh.witness.sockets import State

PROGRAM = Path(__file__).parents[1] / "inside" / "connections.py"
MARK = "raymesh-connections "
FIELDS = 8

End = tuple[str, int]
"""An address and a port."""


@dataclass(frozen=True)
class Connection:
    """One socket of TCP. `sent` is bytes that the other end acknowledged."""

    local: End
    remote: End
    state: State
    uid: int
    sent: int
    received: int

    @property
    def of_sidecar(self) -> bool:
        """Whether it belongs to the user that the sidecar runs as."""
        return self.uid == SIDECAR_UID

    def __str__(self) -> str:
        return f"{self.local[0]}:{self.local[1]} <-> {self.remote[0]}:{self.remote[1]}"


@dataclass(frozen=True)
class Told:
    """What a pod said `at` that time, in seconds since the epoch by its node's clock."""

    at: float
    sockets: tuple[Connection, ...]


def parse_connections(text: str) -> Told:
    """Read what the program printed. Raises Unreadable."""
    lines = [line for line in text.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        raise Unreadable(f"connections: wants one line that begins with {MARK!r}, has {len(lines)} in {text[:200]!r}")
    root = read_json(lines[0].removeprefix(MARK), "connections")
    return Told(root["at"].number(), tuple(_connection(one) for one in root["connections"].items()))


def _connection(one: Field) -> Connection:
    parts = one.items()
    if len(parts) != FIELDS:
        raise one.unreadable("local and remote address and port, state, user, bytes sent and received")
    try:
        state = State(parts[4].integer())
    except ValueError:
        raise parts[4].unreadable("a state of TCP") from None
    return Connection(
        (parts[0].text(), parts[1].integer()),
        (parts[2].text(), parts[3].integer()),
        state,
        parts[5].integer(),
        sent=parts[6].integer(),
        received=parts[7].integer(),
    )
