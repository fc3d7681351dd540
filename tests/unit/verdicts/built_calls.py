"""Builds spans of calls between two Ray pods. Made by hand: recordings are in ../data."""

from __future__ import annotations

from dataclasses import replace

from raymesh.verdicts.calls import Call
from raymesh.witness.jaeger import Span, parse_upstream

HOST = "raycluster-istio-headless-svc.default.svc.cluster.local"
SERVICE = "raycluster-istio.default"
SINCE = 1790000000000000


def built_span(kind: str, pod: str, cluster: str, span_id: str, parent: str, **tags: str) -> Span:
    return Span(
        trace_id=f"trace-of-{cluster}",
        span_id=span_id,
        parent_id=parent,
        service=SERVICE,
        operation="any",
        start=SINCE + 5,
        duration=1000,
        kind="client" if kind == "client" else "server",
        upstream=parse_upstream(cluster),
        tags={"node_id": f"sidecar~10.0.0.1~{pod}.default~default.svc.cluster.local", **tags},
    )


def built_call(port: int, *, path: str = "", status: str = "0") -> Call:
    """A call from head to worker as both sidecars see it; without a path it is HTTP."""
    tags = {"grpc.path": path, "grpc.status_code": status} if path else {"http.status_code": status}
    client = built_span("client", "head", f"outbound|{port}||{HOST}", f"{port}c", "", **tags)
    server = built_span("server", "worker", f"inbound|{port}||", f"{port}s", f"{port}c", **tags)
    return Call(client, replace(server, trace_id=client.trace_id))


def spans_of(*calls: Call) -> tuple[Span, ...]:
    return tuple(span for call in calls for span in (call.client, call.server))


NODE_MANAGER = built_call(6380, path="/ray.rpc.NodeManagerService/RequestWorkerLease")
OBJECT_MANAGER = built_call(6381, path="/ray.rpc.ObjectManagerService/Push")
WORKER = built_call(10004, path="/ray.rpc.CoreWorkerService/PushTask")
AGENT = built_call(52365, status="200")
HEALTHY = (NODE_MANAGER, OBJECT_MANAGER, WORKER, AGENT)
