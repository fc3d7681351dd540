"""A Ray container as a witness: its pod's sockets, the programs that hold them, and Ray's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raymesh.errors import Unreadable
from raymesh.witness.fields import Field, read_json
from raymesh.witness.sockets import Endpoint, Socket, State, parse

PROGRAM = Path(__file__).parents[1] / "inside" / "holders.py"
MARK = "raymesh-holders "
SIDECAR_UID = 1337  # of pilot-agent and Envoy (istio pilot/docker/Dockerfile.proxyv2)


@dataclass(frozen=True)
class Holder:
    """A program of the Ray container that holds sockets; `ray` tells whether it is one of Ray's own."""

    pid: int
    command: str
    ray: bool


@dataclass(frozen=True)
class Held:
    """A socket, and who holds it: None for the sidecar's, which are in another container, and for nobody's."""

    socket: Socket
    holder: Holder | None

    @property
    def of_sidecar(self) -> bool:
        return self.holder is None and self.socket.uid == SIDECAR_UID

    def __str__(self) -> str:
        who = self.holder.command if self.holder else f"user {self.socket.uid}"
        return f"{_text(self.socket.local)} ({who})"


@dataclass(frozen=True)
class Inside:
    """What a Ray container says of its pod."""

    tcp: tuple[Held, ...]
    udp: tuple[Held, ...]
    environment: Mapping[str, str]  # Ray's variables that have TLS in their name, as process 1 has them

    @property
    def listening(self) -> tuple[Held, ...]:
        """The TCP sockets that other pods can reach: not those of loopback only."""
        return tuple(
            held for held in self.tcp if held.socket.state == State.LISTEN and not held.socket.local.address.is_loopback
        )

    @property
    def listening_ports(self) -> frozenset[int]:
        return frozenset(held.socket.local.port for held in self.listening)


def parse_inside(text: str) -> Inside:
    """Read what raymesh/inside/holders.py printed. Raises Unreadable."""
    lines = [line for line in text.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        raise Unreadable(f"holders: wants one line that begins with {MARK!r}, has {len(lines)} in {text[:200]!r}")
    root = read_json(lines[0].removeprefix(MARK), "holders")
    holders = _holders(root)
    tables = root["tables"]
    return Inside(
        tcp=_held(tables, ("tcp", "tcp6"), holders),
        udp=_held(tables, ("udp", "udp6"), holders),
        environment={key: value.text() for key, value in root["environment"].entries().items()},
    )


def _holders(root: Field) -> dict[int, Holder]:
    """Return the holder of each inode; of those that share one, Ray's own goes before, as it opened it."""
    found: dict[int, Holder] = {}
    for pid, entry in root["holders"].entries().items():
        holder = Holder(int(pid), entry["command"].text(), entry["ray"].flag())
        for inode in entry["inodes"].items():
            known = found.get(inode.integer())
            if known is None or (known.ray, -known.pid) < (holder.ray, -holder.pid):
                found[inode.integer()] = holder
    return found


def _held(tables: Field, names: tuple[str, ...], holders: Mapping[int, Holder]) -> tuple[Held, ...]:
    """The first table must be there; a node without IPv6 has no second."""
    first, *others = (tables[name].text() for name in names)
    sockets = [*parse(first), *(socket for text in others if text for socket in parse(text))]
    return tuple(Held(socket, holders.get(socket.inode)) for socket in sockets)


def _text(end: Endpoint) -> str:
    return f"{end.address}:{end.port}"
