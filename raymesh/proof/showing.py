"""Turns what witnesses saw into what a record shows: pure, and without a judgement of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import get_args

from raymesh.evidence.sights import (
    CallsSeen,
    ClientSeen,
    ContainerSeen,
    EdgeSeen,
    MethodSeen,
    PortSeen,
    ReceivedSeen,
    ServiceSeen,
    SpanSeen,
    SpansSeen,
    TraceSeen,
)
from raymesh.ports import Contract, Role
from raymesh.ports.model import Crossing
from raymesh.subject import RayPod
from raymesh.verdicts.calls import Call, crossing, directions
from raymesh.verdicts.envoy import laxity
from raymesh.verdicts.ports import SIDECAR_PORTS, protocols_seen
from raymesh.verdicts.refusal import INSIDER, RULES, Rule
from raymesh.witness.envoy import Cluster, InboundChain
from raymesh.witness.holders import Inside
from raymesh.witness.jaeger import Span
from raymesh.witness.kiali import Graph
from raymesh.witness.knock import ClientName, Knock
from raymesh.witness.made import Service, Shape
from raymesh.witness.prometheus import REQUESTS, UPTIME, Sample

RULE_OF: Mapping[ClientName, Rule] = {rule.client: rule for rule in (*RULES, INSIDER)}
WITH_IDENTITY: tuple[ClientName, ...] = ("TLS 1.3 with the mesh's certificate", "in the mesh")
GRPC_OK, HTTP_FAILED = "0", ("4", "5", "0")  # of HTTP: the first character
MOST_SPANS = 12
POD_ADDRESS = re.compile(r"\d+([.-])\d+\1\d+\1\d+")
UNKNOWN_PORT = "not in the contract"


def edges(graph: Graph) -> tuple[EdgeSeen, ...]:
    """Return the edges of Kiali's graph."""
    return tuple(
        EdgeSeen(
            *(str(edge.source), str(edge.target), edge.protocol, edge.rate, edge.failed_percent, edge.mtls_percent),
            *(edge.source_principal, edge.target_principal),
        )
        for edge in graph.edges
    )


def services(found: Iterable[Service]) -> tuple[ServiceSeen, ...]:
    """Return the Services of a namespace."""
    return tuple(ServiceSeen(one.name, one.maker, one.headless, one.ports) for one in found)


def containers(found: Iterable[Shape], roles: Mapping[str, Role]) -> tuple[ContainerSeen, ...]:
    """Return what containers the pods of each role have; pods of one role that differ have a row each."""
    rows = {
        ContainerSeen(roles[one.pod], one.name, one.kind, one.probes, one.flags) for one in found if one.pod in roles
    }
    return tuple(sorted(rows, key=lambda row: (row.role, row.kind, row.name, row.probes, row.flags)))


def called(found: Iterable[Span]) -> SpansSeen:
    """Return what spans are called, without what differs from pod to pod."""
    every = list(found)
    return SpansSeen(
        services=tuple(sorted({one.service for one in every})),
        names=tuple(sorted({POD_ADDRESS.sub("ADDRESS", one.operation) for one in every})),
        tags=tuple(sorted({name for one in every for name in one.tags})),
    )


def posture(
    members: Sequence[RayPod],
    insides: Mapping[str, Inside],
    chains: Mapping[str, Sequence[InboundChain]],
    opened: Mapping[str, Collection[int]],
    calls: Sequence[Call],
    knocks: Iterable[Knock],
    contract: Contract,
) -> tuple[PortSeen, ...]:
    """Return a row for each role and port that is declared, listens, was dialled or knocked at.

    `insides` and `chains` are by pod: one that could not be asked is left out, and not counted. `opened` are the ports
    at which each pod's sidecar opened connections to the application: TCP leaves no trace of a call.
    """
    roles: dict[str, Role] = {one.name: one.role for one in members}
    tried: dict[tuple[str, int], list[Knock]] = {}
    for knock in knocks:
        if knock.client not in WITH_IDENTITY:
            tried.setdefault((knock.target.role, knock.target.port), []).append(knock)
    at: dict[tuple[str, int], list[Call]] = {}
    for call in calls:
        role, port = roles.get(call.server.pod), call.server.upstream.port
        if role and port:
            at.setdefault((role, port), []).append(call)
    rows = []
    for role in get_args(Role):
        pods = [one.name for one in members if one.role == role]
        looked = {name: insides[name] for name in pods if name in insides}
        asked = {name: chains[name] for name in pods if name in chains}
        for number in sorted(_numbers(role, looked, contract) | {port for r, port in (*tried, *at) if r == role}):
            known = contract.port_at(number, role)
            here, knocked = at.get((role, number), []), tried.get((role, number), [])
            dialled = {port for name in pods for port in opened.get(name, ())}
            protocols = protocols_seen(here, [one for of_pod in asked.values() for one in of_pod], dialled)
            rows.append(
                PortSeen(
                    role=role,
                    number=number,
                    name=known.name if known else "",
                    declared=known.app_protocol if known and known.declared_in != "none" else "",
                    declared_in=known.declared_in if known else "none",
                    speaks=known.speaks if known else "",
                    pods=len(looked),
                    listens=sum(number in inside.listening_ports for inside in looked.values()),
                    held_by=tuple(sorted({who for inside in looked.values() for who in _holders(inside, number)})),
                    asked=len(asked),
                    mtls=sum(_demands_mtls(of_pod, number) for of_pod in asked.values()),
                    seen_as=tuple(sorted(protocols.get(number, ()))),
                    crosses=tuple(way for way in (known.crosses if known else ()) if way.endswith(role)),
                    crossed=tuple(sorted(directions(here, roles).get(number, set()))),
                    calls=len(here),
                    knocks=len(knocked),
                    refused=sum(RULE_OF[knock.client].proves(knock) for knock in knocked),
                )
            )
    return tuple(rows)


def _numbers(role: Role, looked: Mapping[str, Inside], contract: Contract) -> set[int]:
    declared = {
        number
        for port in contract.listeners(role)
        if port.numbers is not None and (port.declared_in != "none" or len(port.numbers) == 1)
        for number in port.numbers
    }
    return declared | {port for inside in looked.values() for port in inside.listening_ports - SIDECAR_PORTS.keys()}


def _holders(inside: Inside, number: int) -> list[str]:
    held = [one for one in inside.listening if one.socket.local.port == number]
    return [program(one.holder.command) if one.holder else f"user {one.socket.uid}" for one in held]


def program(command: str) -> str:
    """Return the name of a program from its command line; of one that Python runs, the script's."""
    words = command.split() or [""]
    name = PurePosixPath(words[0]).name
    if not name.startswith("python") or "-c" in words:
        return name
    return PurePosixPath(next((word for word in words[1:] if not word.startswith("-")), name)).name


def _demands_mtls(chains: Sequence[InboundChain], number: int) -> bool:
    """Whether whatever comes in for the port meets a chain that wants a certificate; one of its own goes before."""
    own = [chain for chain in chains if chain.port == number]
    met = own or [chain for chain in chains if chain.port is None and not chain.black_hole]
    return bool(met) and not any(laxity(chain) for chain in met)


def clients(knocks: Iterable[Knock]) -> tuple[ClientSeen, ...]:
    """Return what happened to each kind of client, over all ports."""
    found = []
    for client, group in groupby(sorted(knocks, key=lambda knock: knock.client), key=lambda knock: knock.client):
        mine, rule = list(group), RULE_OF[client]
        outcomes = Counter(_without_detail(knock) for knock in mine)
        found.append(ClientSeen(client, rule.expected, len(mine), sum(map(rule.proves, mine)), dict(outcomes)))
    return tuple(found)


def _without_detail(knock: Knock) -> str:
    return str(knock.outcome).partition(" (")[0]


def between_pods(calls: Iterable[Call]) -> tuple[CallsSeen, ...]:
    """Return the traced calls from each pod to each other one, by protocol."""
    every: Counter[tuple[str, str, str]] = Counter()
    bad: Counter[tuple[str, str, str]] = Counter()
    for call in calls:
        key = (call.client.pod, call.server.pod, protocol_of(call))
        every[key] += 1
        bad[key] += failed(call.client)
    return tuple(CallsSeen(*key, every[key], bad[key]) for key in sorted(every))


def methods(calls: Iterable[Call], roles: Mapping[str, Role], contract: Contract) -> tuple[MethodSeen, ...]:
    """Return each method on each port of the contract, most calls first."""
    by_method: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        by_method.setdefault((_port_name(call, contract), _method(call.client)), []).append(call)
    found = []
    for (port, method), mine in by_method.items():
        took = sorted(call.client.duration for call in mine)
        ways = {way for call in mine if (way := _way(call, roles))}
        bad = sum(failed(call.client) for call in mine)
        found.append(
            MethodSeen(
                *(port, method, tuple(sorted(ways)), len(mine), bad),
                *(_share(took, 0.5), _share(took, 0.95), took[-1]),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.calls, one.port, one.method)))


def traces(
    calls: Sequence[Call], spans: Iterable[Span], roles: Mapping[str, Role], contract: Contract
) -> tuple[TraceSeen, ...]:
    """Return a trace for each port of the contract and each direction: of the calls that went well, the median one."""
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    groups: dict[tuple[str, Crossing], list[Call]] = {}
    for call in calls:
        way = _way(call, roles)
        if way:
            groups.setdefault((_port_name(call, contract), way), []).append(call)
    found = []
    for (port, way), mine in sorted(groups.items()):
        good = [call for call in mine if not failed(call.client)] or mine
        chosen = sorted(good, key=lambda call: call.client.duration)[(len(good) - 1) // 2]
        whole = sorted(by_trace[chosen.client.trace_id], key=lambda span: span.start)
        found.append(
            TraceSeen(chosen.client.trace_id, port, way, tuple(_shown(s, whole[0].start) for s in whole[:MOST_SPANS]))
        )
    return tuple(found)


def received(samples: Iterable[Sample], pods: Iterable[str]) -> tuple[ReceivedSeen, ...]:
    """Return what each Ray pod received by Prometheus' counters, by protocol, security and identity of the caller."""
    known = set(pods)
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for sample in samples:
        labels = sample.labels
        if (
            labels.get("__name__") == UPTIME
            or labels.get("reporter") != "destination"
            or labels.get("pod") not in known
        ):
            continue
        protocol = labels.get("request_protocol", "") if labels.get("__name__") == REQUESTS else "tcp"
        security, identity = labels.get("connection_security_policy", ""), labels.get("source_principal", "")
        counted[labels["pod"], protocol, security, identity] += int(sample.value)
    return tuple(ReceivedSeen(*key, count) for key, count in sorted(counted.items()))


def opened_and_sent(clusters: Iterable[Cluster]) -> tuple[int, int]:
    """Return the connections that a sidecar opened and the calls that it sent on, over all its clusters."""
    every = list(clusters)
    return sum(one.connections for one in every), sum(one.requests for one in every)


def protocol_of(call: Call) -> str:
    """Return as what the receiving side saw a call."""
    return "grpc" if call.server.grpc_path else "http"


def failed(span: Span) -> bool:
    """Whether the call of a span ended in an error, by its own status."""
    status, grpc = span.tag("http.status_code"), span.tag("grpc.status_code")
    return grpc not in ("", GRPC_OK) or status.startswith(HTTP_FAILED) or not status


def _way(call: Call, roles: Mapping[str, Role]) -> Crossing | None:
    source, target = roles.get(call.client.pod), roles.get(call.server.pod)
    return crossing(source, target) if source and target else None


def _port_name(call: Call, contract: Contract) -> str:
    port = call.server.upstream.port
    known = contract.port_at(port) if port else None
    return known.name if known else UNKNOWN_PORT


def _method(span: Span) -> str:
    """Return gRPC's path, or HTTP's method: a path of HTTP may hold the names of jobs and more."""
    return span.grpc_path or f"HTTP {span.tag('http.method')}".strip()


def _share(sorted_values: Sequence[int], share: float) -> int:
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def _shown(span: Span, first: int) -> SpanSeen:
    return SpanSeen(
        span.pod,
        span.kind,
        _method(span),
        span.upstream.port or None,
        span.upstream.host,
        span.start - first,
        span.duration,
        span.tag("grpc.status_code") if span.grpc_path else span.tag("http.status_code"),
        span.tag("response_flags"),
    )
