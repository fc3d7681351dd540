"""What was to be seen at the end of a run, as a record has it: edges, ports, calls, sidecars.

It shows, and judges nothing: what is right and wrong is said by the findings. Pods of one role are counted together,
each figure beside the number of pods that were looked at, so that a record stays small with many of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class EdgeSeen:
    """An edge of Kiali's graph. `rate` is requests a second, bytes a second for tcp; percents are 0 to 100."""

    source: str
    target: str
    protocol: str
    rate: float
    failed_percent: float
    mtls_percent: float
    source_identity: str
    target_identity: str


@dataclass(frozen=True)
class PortSeen:
    """A port at the pods of one role: what the contract says of it, and what was seen.

    `pods` were looked into, it listened in `listens` of them, held by the programs `held_by`. The sidecars of `asked`
    pods were asked, and those of `mtls` let nobody in without TLS 1.3 and a certificate. `seen_as` are protocols,
    `crosses` and `crossed` directions: as the contract has them, and as seen. `calls` is calls that both sidecars
    traced. Clients without the mesh's identity made `knocks`, of which `refused` were turned away as they must be.
    """

    role: str
    number: int
    name: str
    declared: str
    declared_in: str
    speaks: str
    pods: int
    listens: int
    held_by: tuple[str, ...]
    asked: int
    mtls: int
    seen_as: tuple[str, ...]
    crosses: tuple[str, ...]
    crossed: tuple[str, ...]
    calls: int
    knocks: int
    refused: int


@dataclass(frozen=True)
class ClientSeen:
    """All attempts of one kind of client: what must happen, to how many it did, and what did happen, counted."""

    client: str
    must: str
    tried: int
    as_must: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True)
class CallsSeen:
    """Traced calls of one protocol from one Ray pod to another."""

    source: str
    target: str
    protocol: str
    calls: int
    failed: int


@dataclass(frozen=True)
class MethodSeen:
    """Calls of one method on a port of the contract; durations are of the calling side, in microseconds."""

    port: str
    method: str
    ways: tuple[str, ...]
    calls: int
    failed: int
    median: int
    p95: int
    longest: int


@dataclass(frozen=True)
class SpanSeen:
    """One side of a call. `offset` is from the first span of its trace, times are in microseconds."""

    pod: str
    side: str
    operation: str
    port: int | None
    host: str
    offset: int
    duration: int
    status: str
    flags: str


@dataclass(frozen=True)
class TraceSeen:
    """A real trace: the call of median duration on its port in its direction."""

    trace: str
    port: str
    way: str
    spans: tuple[SpanSeen, ...]


@dataclass(frozen=True)
class SidecarSeen:
    """Figures of one Ray pod's sidecar, by its own word. Memory is in bytes, `up` in seconds."""

    pod: str
    memory: int
    heap: int
    listeners: int
    clusters: int
    connections: int
    requests: int
    up: float
    handshakes: Mapping[str, int]


@dataclass(frozen=True)
class ReceivedSeen:
    """What Prometheus counts that a Ray pod received since its sidecar began: calls, and connections where tcp."""

    pod: str
    protocol: str
    security: str
    identity: str
    count: int


@dataclass(frozen=True)
class ServiceSeen:
    """A Service of the subject's namespace: the kind that made it, if any, and its ports with their appProtocol."""

    name: str
    maker: str
    headless: bool
    ports: tuple[str, ...]


@dataclass(frozen=True)
class ContainerSeen:
    """A container that pods of one role have: what kind, its probes, and the flags of `ray start`."""

    role: str
    name: str
    kind: str
    probes: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class SpansSeen:
    """What spans are called: the services that they are of, their names, and the names of their tags."""

    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sights:
    """All that was to be seen at `taken` (UTC). `missing` has the reason for each part that nobody could show."""

    ADDED: ClassVar = ("services", "containers", "spans")  # records that were written before there were any lack them

    taken: str
    edges: tuple[EdgeSeen, ...] = ()
    ports: tuple[PortSeen, ...] = ()
    clients: tuple[ClientSeen, ...] = ()
    calls: tuple[CallsSeen, ...] = ()
    methods: tuple[MethodSeen, ...] = ()
    traces: tuple[TraceSeen, ...] = ()
    sidecars: tuple[SidecarSeen, ...] = ()
    received: tuple[ReceivedSeen, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    services: tuple[ServiceSeen, ...] = ()
    containers: tuple[ContainerSeen, ...] = ()
    spans: SpansSeen | None = None
