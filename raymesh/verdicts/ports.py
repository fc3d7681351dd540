"""Ports: what listens is in the contract and Ray's, nothing goes past the sidecars, and what crosses is as declared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from raymesh.ports import Contract, Port
from raymesh.ports.model import Crossing
from raymesh.subject import RayPod
from raymesh.verdicts.calls import Call
from raymesh.verdicts.catalog import BYPASS, CROSSED, DECLARED, LISTENING, UDP, Verdict
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.envoy import InboundChain
from raymesh.witness.holders import Held, Inside
from raymesh.witness.sockets import Endpoint, State

WITNESS = "sockets"
SIDECAR_PORTS = {
    15000: "Envoy's admin interface",
    15001: "the sidecar's outbound listener, behind the pod's own redirect",
    15004: "the sidecar's agent: debug interface",
    15006: "the sidecar's inbound listener, behind the pod's own redirect",
    15020: "the sidecar's agent: health and merged metrics",
    15021: "the sidecar's health check",
    15053: "the sidecar's agent: DNS proxy",
    15090: "the sidecar's metrics",
}
OUTWARD, INWARD = 15001, 15006  # where the pod's own redirect leads what goes out, and what comes in
INBOUND_SOURCE = "127.0.0.6"  # from where the sidecar hands on what came in (istio pkg/.../InboundPassthroughBindIpv4)


def listening_ports(
    members: Sequence[RayPod],
    insides: Mapping[str, Inside],
    contract: Contract,
    beside: Mapping[str, Mapping[int, str]],
) -> Findings:
    """Judge the sockets of each Ray pod; `insides` is by name of pod.

    `beside` is, by group, who listens besides Ray and the sidecar: container by port. Such a container's sockets are
    seen in the pod, and its processes are not.
    """
    return (
        *(_listening(one, insides.get(one.name), contract, beside.get(one.group, {})) for one in members),
        *(_udp(one, insides.get(one.name)) for one in members),
        *(_bypass(one, insides, members) for one in members),
    )


def _listening(one: RayPod, inside: Inside | None, contract: Contract, beside: Mapping[int, str]) -> Finding:
    if inside is None:
        return _unseen(LISTENING, one)
    ray = [held for held in inside.listening if held.holder and held.holder.ray]
    known = [held for held in ray if contract.port_at(held.socket.local.port, one.role, one.group)]
    sidecar = [held for held in inside.listening if held.of_sidecar and held.socket.local.port in SIDECAR_PORTS]
    others = [held for held in inside.listening if held.holder is None and held.socket.local.port in beside]
    strange = [held for held in inside.listening if held not in (*known, *sidecar, *others)]
    random = [port for port in contract.listeners(one.role) if not port.fixed]
    why = f" (known to be random: {some(f'{p.name}, {p.allowed}' for p in random)})" if strange and random else ""
    return Finding(
        LISTENING,
        ok=bool(known) and bool(sidecar) and not strange,
        expected="ports of the contract, held by Ray, the sidecar's and those of containers that say them; no others",
        seen=f"{len(known)} of Ray, {len(sidecar)} of the sidecar, others: {some(strange)}{why}",
        witness=WITNESS,
        about=one.name,
        figures={"ports": len(inside.listening_ports), "others": len(strange)},
    )


def _udp(one: RayPod, inside: Inside | None) -> Finding:
    """A socket with a peer is a client's, as in a DNS query; one without waits for whoever comes."""
    if inside is None:
        return _unseen(UDP, one)
    waiting = [
        held for held in inside.udp if held.socket.state == State.CLOSE and not held.socket.local.address.is_loopback
    ]
    return Finding(
        UDP,
        ok=bool(inside.tcp) and not waiting,
        expected="no UDP socket that waits for packets",
        seen=some(waiting),
        witness=WITNESS,
        about=one.name,
        figures={"udp sockets": len(inside.udp)},
    )


def _bypass(one: RayPod, insides: Mapping[str, Inside], members: Sequence[RayPod]) -> Finding:
    """Every connection of Ray's has the sidecar's beside it: dialled, its local end is the sidecar's remote end.

    Taken, it comes from the sidecar's own address. What comes straight from another address came past the sidecar.
    """
    inside = insides.get(one.name)
    if inside is None:
        return _unseen(BYPASS, one)
    live = [held for held in inside.tcp if held.socket.state == State.ESTABLISHED]
    own = [held for held in live if not held.of_sidecar]
    # Whatever its state and owner: a connection that Envoy has not yet taken belongs to nobody.
    through = {held.socket.remote for held in inside.tcp if held.socket.local.port in (OUTWARD, INWARD)}
    others = {member.ip: insides.get(member.name) for member in members if member.name != one.name}
    past = [
        f"{held} <-> {held.socket.remote.address}:{held.socket.remote.port}"
        for held in own
        if (_is_taken(held, inside, one.ip) or _is_dialled(held, inside, others, through))
    ]
    return Finding(
        BYPASS,
        ok=bool(own) and bool(through) and not past,
        expected="connections of Ray's, each through the sidecar",
        seen=f"{len(own)} of Ray's, past the sidecar: {some(past)}",
        witness=WITNESS,
        about=one.name,
        figures={"connections": len(own), "past the sidecar": len(past)},
    )


def _is_taken(held: Held, inside: Inside, ip: str) -> bool:
    remote = held.socket.remote.address
    inward = remote.is_loopback or str(remote) in (INBOUND_SOURCE, ip)
    return held.socket.local.port in inside.listening_ports and not inward


def _is_dialled(held: Held, inside: Inside, others: Mapping[str, Inside | None], through: set[Endpoint]) -> bool:
    """Whether it was dialled past the sidecar, and somebody holds the other end.

    A sidecar that ends a connection after a change of policy may be heard by nobody: Ray's end then stands for minutes
    with no other (Istio 1.31.0, seen), and nothing goes over it. By its port alone, for networks may change addresses;
    the other end of a pod that was not looked at is taken to be there, and so is that of a pod whose redirect is not
    seen at work.
    """
    dialled = held.socket.local.port not in inside.listening_ports
    if not dialled or str(held.socket.remote.address) not in others or held.socket.local in through:
        return False
    other = others[str(held.socket.remote.address)]
    redirected = any(end.socket.local.port == OUTWARD and end.socket.remote.port for end in inside.tcp)
    return not redirected or other is None or held.socket.local.port in {end.socket.remote.port for end in other.tcp}


def _unseen(verdict: Verdict, one: RayPod) -> Finding:
    return Finding(
        verdict, ok=False, expected="the pod's sockets", seen="not looked at", witness=WITNESS, about=one.name
    )


def protocols_seen(
    calls: Iterable[Call], chains: Sequence[InboundChain], dialled: Collection[int]
) -> dict[int, set[str]]:
    """Return, by port, as what the mesh saw the traffic that crossed.

    Traced calls tell gRPC from HTTP. TCP leaves none: it is a port that a node of Ray's `dialled` and whose inbound
    chain, among `chains` of the receiving sidecars, is TCP.
    """
    seen: dict[int, set[str]] = {}
    for call in calls:
        port = call.server.upstream.port
        if port is not None:
            seen.setdefault(port, set()).add("grpc" if call.server.grpc_path else "http")
    for chain in chains:
        if chain.protocol == "tcp" and chain.port is not None and chain.port in dialled:
            seen.setdefault(chain.port, set()).add("tcp")
    return seen


def crossing_ports(
    seen: Mapping[int, set[str]],
    directions: Mapping[int, set[Crossing]],
    contract: Contract,
    *,
    must_cross: Mapping[str, Sequence[Crossing]],
) -> Findings:
    """Judge `protocols_seen`, and in which directions each port was crossed.

    `must_cross` is by name of the contract; of a range, one port a direction is enough.
    """
    absent = [
        f"{name} {direction}"
        for name, wanted in must_cross.items()
        for direction in wanted
        if not _crossed(contract.named(name), direction, directions)
    ]
    crossed = Finding(
        CROSSED,
        ok=any(must_cross.values()) and not absent,
        expected=some(f"{name} {' and '.join(wanted)}" for name, wanted in must_cross.items()),
        seen=f"ports {some(sorted(directions))}; not crossed: {some(absent)}",
        witness="mesh",
        figures={"ports": len(seen)},
    )
    wrong = [
        f"{number}: {'+'.join(sorted(protocols))}, declared {contract.protocol_of(number) or 'nowhere'}"
        for number, protocols in sorted(seen.items())
        if protocols != {contract.protocol_of(number)}
    ]
    declared = Finding(
        DECLARED,
        ok=bool(seen) and not wrong,
        expected="ports, each with its appProtocol only",
        seen=f"{len(seen)} ports, otherwise: {some(wrong)}",
        witness="mesh",
        figures={"ports": len(seen)},
    )
    return crossed, declared


def _crossed(ports: Sequence[Port], direction: Crossing, directions: Mapping[int, set[Crossing]]) -> bool:
    return any(port.holds(number) and direction in seen for number, seen in directions.items() for port in ports)
