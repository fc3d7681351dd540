"""Calls that crossed from pod to pod: a client span of one sidecar and the server span of another below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
