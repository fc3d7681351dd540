"""Calls that crossed from pod to pod: a client span of one sidecar and the server span of another below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from raymesh.ports import Role
from raymesh.ports.model import Crossing
from raymesh.witness.jaeger import Span


@dataclass(frozen=True)
class Call:
    """One call, as both sidecars saw it."""

    client: Span
    server: Span


def calls_across(spans: Iterable[Span]) -> list[Call]:
    """Pair up spans. What a pod sends to itself does not cross, and a span that only one side wrote proves nothing."""
    known = {(span.trace_id, span.span_id): span for span in spans}
    clients = {key: span for key, span in known.items() if span.kind == "client"}
    return [
        Call(client, server)
        for server in known.values()
        if server.kind == "server"
        and (client := clients.get((server.trace_id, server.parent_id)))
        and client.pod != server.pod
    ]


def crossing(source: Role, target: Role) -> Crossing | None:
    """Return the direction from a node of one role to another node; None for what the contract has no word for."""
    name = f"{source}->{target}"
    return next((known for known in get_args(Crossing) if known == name), None)


def directions(calls: Iterable[Call], roles: Mapping[str, Role]) -> dict[int, set[Crossing]]:
    """Return, by port, in which directions traced calls crossed; `roles` are by name of pod."""
    found: dict[int, set[Crossing]] = {}
    for call in calls:
        port, source, target = call.server.upstream.port, roles.get(call.client.pod), roles.get(call.server.pod)
        way = crossing(source, target) if source and target else None
        if port is not None and way:
            found.setdefault(port, set()).add(way)
    return found
