"""Ports: what listens is in the contract, and what crosses is seen by the mesh as the protocol that was declared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from raymesh.ports import Contract, Role
from raymesh.verdicts.calls import Call
from raymesh.verdicts.finding import Finding, some
from raymesh.witness.envoy import Cluster, InboundChain
from raymesh.witness.jaeger import parse_upstream

DECLARED = "each port is seen as the protocol that was declared"
ROLES: tuple[Role, ...] = ("head", "worker")
SIDECAR_PORTS = {
    15001: "the sidecar's outbound listener, behind the pod's own redirect",
    15006: "the sidecar's inbound listener, behind the pod's own redirect",
    15020: "the sidecar's agent: health and merged metrics",
    15021: "the sidecar's health check",
    15090: "the sidecar's metrics",
}


def listening_ports(listening: Mapping[Role, Collection[int]], contract: Contract) -> tuple[Finding, ...]:
    """Judge the ports that listen in each pod on an address that other pods reach (not those of loopback only)."""
    return tuple(_of_role(role, listening.get(role, ()), contract) for role in ROLES)


def _of_role(role: Role, listening: Collection[int], contract: Contract) -> Finding:
    known = {number for number in listening if contract.port_at(number, role)}
    sidecar = set(listening) & set(SIDECAR_PORTS)
    stray = sorted(set(listening) - known - sidecar)
    random = [port for port in contract.listeners(role) if not port.fixed]
    why = f" (known to be random: {some(f'{p.name}, {p.allowed}' for p in random)})" if stray and random else ""
    return Finding(
        f"every listening port of the {role} is declared or named",
        ok=bool(known) and bool(sidecar) and not stray,
        expected="ports of Ray and of the sidecar, none unknown",
        seen=f"{len(known)} of Ray, {len(sidecar)} of the sidecar, unknown: {some(stray)}{why}",
        witness=f"sockets of the {role}",
        figures={"ports": len(set(listening)), "unknown": len(stray)},
    )


def protocols_seen(
    calls: Iterable[Call], chains: Sequence[InboundChain], clusters: Iterable[Cluster]
) -> dict[int, set[str]]:
    """Return, by port, as what the mesh saw the traffic that crossed.

    Traced calls tell gRPC from HTTP. TCP leaves none: it is a port whose inbound chain is TCP and whose inbound
    cluster was connected to. `chains` and `clusters` are of the receiving sidecars.
    """
    seen: dict[int, set[str]] = {}
    for call in calls:
        port = call.server.upstream.port
        if port is not None:
            seen.setdefault(port, set()).add("grpc" if call.server.grpc_path else "http")
    tcp_ports = {chain.port for chain in chains if chain.protocol == "tcp"}
    for cluster in clusters:
        upstream = parse_upstream(cluster.name)
        if upstream.direction == "inbound" and upstream.port in tcp_ports and upstream.port and cluster.connections:
            seen.setdefault(upstream.port, set()).add("tcp")
    return seen


def crossing_ports(
    seen: Mapping[int, Collection[str]], contract: Contract, *, must_cross: Collection[str]
) -> tuple[Finding, ...]:
    """Judge `protocols_seen`. `must_cross` are names of the contract; of a range, one port is enough."""
    absent = [name for name in must_cross if not any(contract.find(name).holds(number) for number in seen)]
    crossed = Finding(
        "the traffic crossed the ports that it was made for",
        ok=bool(must_cross) and not absent,
        expected=some(sorted(must_cross)),
        seen=f"ports {some(sorted(seen))}; not crossed: {some(absent)}",
        witness="mesh",
        figures={"ports": len(seen)},
    )
    wrong = [
        f"{number}: {'+'.join(sorted(protocols))}, declared {contract.protocol_of(number) or 'nowhere'}"
        for number, protocols in sorted(seen.items())
        if set(protocols) != {contract.protocol_of(number)}
    ]
    declared = Finding(
        DECLARED,
        ok=bool(seen) and not wrong,
        expected="ports, each with its appProtocol only",
        seen=f"{len(seen)} ports, otherwise: {some(wrong)}",
        witness="mesh",
    )
    return crossed, declared
