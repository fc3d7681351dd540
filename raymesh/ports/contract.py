"""The port contract: which ports a Ray node opens, per Ray version. Every other port number comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from raymesh.errors import UsageError
from raymesh.ports.facts import GUIDE_PROTOCOLS, GUIDE_WORKER_PORTS, PINNED, PORTS, RAY_WORKER_PORTS, SERVE_PORTS
from raymesh.ports.kuberay import workers_need_gcs_by_node_name
from raymesh.ports.model import BOTH, WORKER_PORTS, AppProtocol, DeclaredIn, Port, Role, ServicePort
from raymesh.ports.versions import NEWEST, OLDEST, Version, parse_version

# Ray refuses other numbers, and a worker range of less than two ports (python/ray/_private/parameter.py).
LOWEST_PORT, HIGHEST_PORT = 1024, 65535
FEWEST_WORKER_PORTS = 2
GCS = "gcs-server-port"


@dataclass(frozen=True)
class Contract:
    """The ports of one Ray version with the numbers that were asked for."""

    ray_version: Version
    ports: tuple[Port, ...]
    notes: tuple[str, ...] = ()  # what was assumed, to be said aloud
    gcs_by_node_name: bool = False  # the headless Service declares the GCS too

    @cached_property
    def of_nodes(self) -> dict[Role, tuple[Port, ...]]:
        """Ports with one number each that the headless Service declares, or would if a flag opened them; by role."""
        return {
            role: tuple(
                p
                for p in self.ports
                if p.name != WORKER_PORTS and role in p.roles and p.declared_in in ("headless", "none")
            )
            for role in BOTH
        }

    def headless_ports(self) -> tuple[ServicePort, ...]:
        """What the headless Service declares, in the guide's order: one entry a number."""
        gcs = [p for p in self.head_service_ports() if p.name == GCS] if self.gcs_by_node_name else []
        return (*self._service("headless"), *gcs)

    def head_service_ports(self) -> tuple[ServicePort, ...]:
        """What KubeRay's own head Service declares, without the ports of the headless Service."""
        return self._service("head-service")

    def ray_start_params(self, role: Role) -> dict[str, str]:
        """The rayStartParams that fix the ports of the headless Service in one group."""
        params: dict[str, str] = {}
        for port in self.ports:
            if role not in port.roles or port.numbers is None or port.declared_in != "headless":
                continue
            params.update(_flag_values(port, port.numbers))
        return params

    def listeners(self, role: Role, group: str = "") -> tuple[Port, ...]:
        """Every port that may listen in a pod of this role and group: declared, or `allowed` with a reason."""
        return tuple(p for p in self.ports if p.of(role, group))

    def find(self, name: str) -> Port:
        """The port of this name, the first one if there are several. Raises KeyError."""
        for port in self.ports:
            if port.name == name:
                return port
        raise KeyError(name)

    def named(self, name: str) -> tuple[Port, ...]:
        """The ports of this name: several where groups of a subject give it different numbers."""
        return tuple(port for port in self.ports if port.name == name)

    def numbers_of(self, name: str, role: Role, group: str = "") -> tuple[int, ...]:
        """The numbers that a port has in nodes of a role or group; none where the kernel picks it."""
        return tuple(number for port in self.named(name) if port.of(role, group) for number in port.numbers or ())

    def port_at(self, number: int, role: Role | None = None, group: str = "") -> Port | None:
        """The port that has this number, if a fixed one does."""
        for port in self.ports:
            if port.holds(number) and (role is None or port.of(role, group)):
                return port
        return None

    def protocol_of(self, number: int) -> AppProtocol | None:
        """The appProtocol that a Service should declare for this number, None for a number of nobody."""
        port = self.port_at(number)
        return port.app_protocol if port else None

    @property
    def worker_ports(self) -> range:
        """The range that workers, drivers and agents share on each node."""
        numbers = self.find(WORKER_PORTS).numbers
        assert numbers is not None, "the worker range is always fixed"
        return numbers

    def _service(self, where: DeclaredIn) -> tuple[ServicePort, ...]:
        return tuple(
            ServicePort(f"p{number}" if port.name == WORKER_PORTS else port.name, number, port.app_protocol)
            for port in self.ports
            if port.declared_in == where and port.numbers is not None
            for number in port.numbers
        )


def contract(
    ray_version: str | Version = OLDEST,
    *,
    worker_ports: range = GUIDE_WORKER_PORTS,
    numbers: Mapping[str, int] | None = None,
    protocols: Mapping[str, AppProtocol] | None = None,
    serve: bool = False,
) -> Contract:
    """The ports of a Ray version as Ray opens them, by default with the guide's numbers.

    Args:
        ray_version: a release such as `2.10.0`; one that is newer than we know gets the newest one's ports and a note.
        worker_ports: the range that workers, drivers and agents share on each node.
        numbers: other numbers, by port name. Naming `dashboard-grpc-port` pins and declares the port that the guide
            leaves random on Ray 2.10 (it is refused where Ray has no such flag).
        protocols: other appProtocols, by port name; `worker-ports` for the whole range.
        serve: add the ports of Ray Serve.

    Raises:
        UsageError: an unknown name, or numbers that can't work together.

    """
    version = parse_version(ray_version) if isinstance(ray_version, str) else ray_version
    table = {p.name: p for p in (*PORTS, *(SERVE_PORTS if serve else ())) if p.exists_in(version)}
    table[WORKER_PORTS] = replace(table[WORKER_PORTS], numbers=worker_ports)
    for name, number in (numbers or {}).items():
        port = _known(table, name, version)
        table[name] = replace(port, numbers=range(number, number + 1), declared_in=_where(port), allowed="")
    for name, protocol in (protocols or {}).items():
        table[name] = replace(_known(table, name, version), app_protocol=protocol)
    made = Contract(version, tuple(table.values()), _notes(version))
    _refuse_clashes(made)
    return made


def pins(ray_version: str | Version) -> dict[str, int]:
    """Numbers for the ports that this Ray version opens at random and a flag can fix, as `contract` takes them."""
    version = parse_version(ray_version) if isinstance(ray_version, str) else ray_version
    return {p.name: PINNED[p.name] for p in PORTS if p.name in PINNED and p.exists_in(version)}


def working_contract(
    ray_version: str | Version,
    kuberay: Version | None = None,
    *,
    worker_ports: range = GUIDE_WORKER_PORTS,
    numbers: Mapping[str, int] | None = None,
    protocols: Mapping[str, AppProtocol] | None = None,
    serve: bool = False,
) -> Contract:
    """The ports with which this Ray works in a mesh: each as it speaks, none random that a flag can fix.

    `kuberay` is the operator's version; without it the Service is good for all of them. The other arguments, and what
    is raised, are those of `contract`.
    """
    made = contract(
        ray_version,
        worker_ports=worker_ports,
        numbers={**pins(ray_version), **(numbers or {})},
        protocols=protocols,
        serve=serve,
    )
    return replace(made, gcs_by_node_name=kuberay is None or workers_need_gcs_by_node_name(kuberay))


def guide_contract(
    ray_version: str | Version = OLDEST,
    *,
    worker_ports: range = GUIDE_WORKER_PORTS,
    numbers: Mapping[str, int] | None = None,
    protocols: Mapping[str, AppProtocol] | None = None,
    serve: bool = False,
) -> Contract:
    """The ports exactly as the guide declares them, what it gets wrong included. Arguments, errors: see `contract`."""
    declared = {**GUIDE_PROTOCOLS, **(protocols or {})}
    return contract(ray_version, worker_ports=worker_ports, numbers=numbers, protocols=declared, serve=serve)


def _where(port: Port) -> DeclaredIn:
    return "headless" if port.declared_in == "none" else port.declared_in


def _known(table: Mapping[str, Port], name: str, version: Version) -> Port:
    if name not in table:
        raise UsageError(f"Ray {version} has no port {name!r}; it has: {', '.join(table)}")
    return table[name]


def _notes(version: Version) -> tuple[str, ...]:
    if version[:2] > NEWEST[:2]:
        return (f"Ray {version} is newer than {NEWEST}, the newest one measured: assuming the same ports",)
    if version < OLDEST:
        return (f"Ray {version} is older than {OLDEST}, the oldest one known: assuming the same ports",)
    return ()


def _refuse_clashes(made: Contract) -> None:
    workers = made.worker_ports
    if len(workers) < FEWEST_WORKER_PORTS or workers.step != 1:
        raise UsageError(f"worker ports {workers}: a rising range of at least {FEWEST_WORKER_PORTS} ports")
    taken: dict[int, str] = {}
    for port in made.ports:
        for number in port.numbers or ():
            if number in taken:
                raise UsageError(f"port {number} is both {taken[number]} and {port.name}")
            if not LOWEST_PORT <= number <= HIGHEST_PORT:
                raise UsageError(f"{port.name} {number}: Ray takes a port from {LOWEST_PORT} to {HIGHEST_PORT}")
            taken[number] = port.name


def _flag_values(port: Port, numbers: range) -> dict[str, str]:
    if port.name != WORKER_PORTS:
        return {port.flags[0]: str(numbers[0])}
    lowest = {} if numbers[0] == RAY_WORKER_PORTS[0] else {"min-worker-port": str(numbers[0])}
    return {**lowest, "max-worker-port": str(numbers[-1])}
