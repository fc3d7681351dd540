"""Watches the hosts while Ray works: who listens, who dials whom, how much memory all of it takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from raymesh.audit.hosts import Host, Hosts
from raymesh.audit.model import Crossing, Direction
from raymesh.audit.processes import UNKNOWN, process_name
from raymesh.ports.model import Role
from raymesh.stopping import Threads
from raymesh.waiting import wait_for
from raymesh.witness.sockets import Endpoint, Socket, State, parse

EVERY_SECONDS = 0.2
MEMORY_EVERY = 20  # rounds: adding up the memory of all processes costs more than reading sockets
OPEN = {State.ESTABLISHED, State.FIN_WAIT1, State.FIN_WAIT2, State.TIME_WAIT, State.CLOSE_WAIT, State.LAST_ACK}
CALLING = {State.SYN_SENT}


@dataclass(frozen=True)
class Dialled:
    """One connection as one of its ends shows it."""

    role: Role
    peer: Role
    local: int
    remote: int
    answered: bool


@dataclass
class Sightings:
    """What was seen so far; the watching thread adds to it."""

    listening: dict[tuple[Role, Endpoint], str] = field(default_factory=dict)
    dialled: dict[Dialled, str] = field(default_factory=dict)
    peak_bytes: int = 0
    rounds: int = 0

    def ports(self, role: Role) -> set[int]:
        """Ports that listened on this host at some time."""
        return {end.port for (host, end) in list(self.listening) if host == role}

    def crossings(self) -> tuple[Crossing, ...]:
        """Ports dialled across hosts. An end whose own port listens was dialled, so the other one dialled it."""
        listening: dict[Role, set[int]] = {"head": self.ports("head"), "worker": self.ports("worker")}
        found: dict[tuple[Direction, int], tuple[bool, frozenset[str]]] = {}
        for seen, process in self.dialled.items():
            inbound = seen.local in listening[seen.role]
            source, number = (seen.peer, seen.local) if inbound else (seen.role, seen.remote)
            direction: Direction = "head->worker" if source == "head" else "worker->head"
            answered, by = found.get((direction, number), (False, frozenset()))
            dialler = frozenset({process} - {UNKNOWN}) if not inbound else frozenset()
            found[direction, number] = (answered or seen.answered, by | dialler)
        return tuple(sorted(Crossing(*key, answered, tuple(sorted(by))) for key, (answered, by) in found.items()))


@contextmanager
def watching(hosts: Hosts) -> Iterator[Sightings]:
    """Watch until the block ends. A fault of the watcher is raised there: a blind watch proves nothing."""
    seen = Sightings()
    stop = threading.Event()
    with Threads(1) as pool:
        watcher = pool.submit(_watch, hosts, seen, stop)
        try:
            yield seen
        finally:
            stop.set()
        watcher.result()


def look_once_more(seen: Sightings) -> None:
    """Wait for a whole round that begins from now: what opened last must not be missed on a busy machine."""
    begun = seen.rounds
    wait_for(
        "another look at the sockets", lambda: seen.rounds, until=lambda now: now >= begun + 2, within=60, every=0.1
    )


def _watch(hosts: Hosts, seen: Sightings, stop: threading.Event) -> None:
    role_of = {host.address: host.role for host in hosts.all}
    while not stop.wait(EVERY_SECONDS):
        for host in hosts.all:
            _look(host, role_of, seen)
        if seen.rounds % MEMORY_EVERY == 0:
            seen.peak_bytes = max(seen.peak_bytes, sum(_memory(pid) for host in hosts.all for pid in host.pids()))
        seen.rounds += 1


def _look(host: Host, role_of: dict[str, Role], seen: Sightings) -> None:
    sockets = [sock for name in ("tcp", "tcp6") for sock in parse(Path(f"/proc/{host.anchor}/net/{name}").read_text())]
    fresh = [s for s in sockets if s.state is State.LISTEN and _is_news(seen.listening.get((host.role, s.local)))]
    if fresh:
        owners = _owners(host)
        for sock in fresh:
            if host.namespace or sock.inode in owners:  # on the machine itself others listen too
                seen.listening[host.role, sock.local] = process_name(owners.get(sock.inode, 0))
    dialled = {_dialled(host.role, role_of, sock): sock.inode for sock in sockets if sock.state in OPEN | CALLING}
    news = {one: inode for one, inode in dialled.items() if one and one not in seen.dialled}
    if news:
        owners = _owners(host)
        for one, inode in news.items():
            seen.dialled[one] = process_name(owners.get(inode, 0))


def _is_news(process: str | None) -> bool:
    return process in (None, UNKNOWN)  # a socket may be seen before the process that is about to hold it


def _dialled(role: Role, role_of: dict[str, Role], sock: Socket) -> Dialled | None:
    peer = role_of.get(str(sock.remote.address))
    if peer is None or peer == role:
        return None
    return Dialled(role, peer, sock.local.port, sock.remote.port, sock.state in OPEN)


def _owners(host: Host) -> dict[int, int]:
    """Process id by inode of every socket that a process of this host holds."""
    found: dict[int, int] = {}
    for pid in host.pids():
        with suppress(OSError):  # it ended meanwhile
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    target = str(entry.readlink())
                    if target.startswith("socket:["):
                        found[int(target[len("socket:[") : -1])] = pid
    return found


def _memory(pid: int) -> int:
    """Bytes of a process, what it shares with others divided among them. 0 for one that ended."""
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_full_info().pss)
    return 0
