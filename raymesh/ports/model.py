"""The words of the port contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raymesh.ports.versions import Version

Role = Literal["head", "worker"]
AppProtocol = Literal["grpc", "http", "tcp"]
Crossing = Literal["head->worker", "worker->head", "worker->worker"]
DeclaredIn = Literal["headless", "head-service", "none"]

BOTH: tuple[Role, ...] = ("head", "worker")
HEAD: tuple[Role, ...] = ("head",)
WORKER_PORTS = "worker-ports"


@dataclass(frozen=True)
class Port:
    """One port, or one range of ports, that a Ray node opens."""

    name: str
    numbers: range | None  # None: the kernel picks one, a new one at every start
    flags: tuple[str, ...]  # keys of rayStartParams that fix it; empty: no such key
    default: range | None  # what Ray does without the flag; None: random
    app_protocol: AppProtocol  # what a Service declares
    speaks: AppProtocol  # what goes over it
    roles: tuple[Role, ...]
    crosses: tuple[Crossing, ...]  # who dials it across nodes, as measured
    declared_in: DeclaredIn
    source: str
    since: Version | None = None  # first version that has it; None: all that we know
    until: Version | None = None  # first version that no longer has it
    allowed: str = ""  # why it may listen although no Service declares it
    groups: tuple[str, ...] = ()  # the groups of a subject that give it these numbers; empty: all of its roles

    @property
    def fixed(self) -> bool:
        """Whether the number is known before the node starts."""
        return self.numbers is not None

    def exists_in(self, version: Version) -> bool:
        """Whether this Ray version opens the port."""
        return (self.since is None or version >= self.since) and (self.until is None or version < self.until)

    def broken_by(self, declared: AppProtocol) -> bool:
        """Whether a proxy that is told this protocol breaks the port's calls: tcp carries anything, unread."""
        return declared not in ("tcp", self.speaks)

    def of(self, role: Role, group: str = "") -> bool:
        """Whether nodes of a role open it, and of a group, where one is given and groups differ."""
        return role in self.roles and not (group and self.groups and group not in self.groups)

    def holds(self, number: int) -> bool:
        """Whether `number` is this port or lies in its range. A random port holds none."""
        return self.numbers is not None and number in self.numbers


@dataclass(frozen=True)
class ServicePort:
    """One entry of a Service's `ports`."""

    name: str
    number: int
    app_protocol: AppProtocol
