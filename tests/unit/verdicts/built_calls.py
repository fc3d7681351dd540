"""Builds spans of calls between two Ray pods. Made by hand: recordings are in ../data."""

from __future__ import annotations

from dataclasses import replace

from raymesh.verdicts.calls import Call
from raymesh.witness.jaeger import Span, parse_upstream
from tests.unit.verdicts.built_subject import SUBJECT

HOST = SUBJECT.headless_host
[SERVICE] = SUBJECT.tracing_services
SINCE = 1790000000000000
NODE_SERVICE = "/ray.rpc.NodeManagerService/RequestWorkerLease"
OBJECT_SERVICE = "/ray.rpc.ObjectManagerService/Push"
WORKER_SERVICE = "/ray.rpc.CoreWorkerService/PushTask"


def built_span(kind: str, pod: str, cluster: str, span_id: str, parent: str, **tags: str) -> Span:
    return Span(
        trace_id="",
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


def built_call(port: int, source: str, target: str, *, path: str = "", status: str = "0") -> Call:
    """A call from one pod to another as both sidecars see it; without a path it is HTTP."""
    tags = {"grpc.path": path, "grpc.status_code": status} if path else {"http.status_code": status}
    client = built_span("client", source, f"outbound|{port}||{HOST}", "c", "", **tags)
    server = built_span("server", target, f"inbound|{port}||", "s", "c", **tags)
    trace = f"{source} to {target} at {port}"
    return Call(replace(client, trace_id=trace), replace(server, trace_id=trace))


def both_ways(port: int, path: str) -> tuple[Call, ...]:
    """A call from the head to each worker, and one back."""
    workers = ("worker-a", "worker-b")
    return tuple(
        built_call(port, source, target, path=path)
        for worker in workers
        for source, target in (("head", worker), (worker, "head"))
    )


def spans_of(*calls: Call) -> tuple[Span, ...]:
    return tuple(span for call in calls for span in (call.client, call.server))


NODE_MANAGER = both_ways(6380, NODE_SERVICE)
OBJECT_MANAGER = both_ways(6381, OBJECT_SERVICE)
WORKER = both_ways(10004, WORKER_SERVICE)
AGENT = tuple(built_call(52365, "head", worker, status="200") for worker in ("worker-a", "worker-b"))
HEALTHY = (*NODE_MANAGER, *OBJECT_MANAGER, *WORKER, *AGENT)
