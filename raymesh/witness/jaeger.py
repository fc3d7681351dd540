"""Jaeger as a witness: its v1 query API (v2 keeps it), and spans as Istio's sidecars write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from raymesh.witness.fields import Field, optional_items, read_json
from raymesh.witness.http import Http

SPAN_KINDS = ("client", "server")
REFERENCES = ("CHILD_OF", "FOLLOWS_FROM")
# Istio's name of a cluster: direction|port|subset|host; newer versions end it with a semicolon.
CLUSTER_NAME = re.compile(r"(?P<direction>inbound|outbound)\|(?P<port>\d+)\|[^|]*\|(?P<host>[^|;]*);?")

Tag = str | bool | int | float


@dataclass(frozen=True)
class Upstream:
    """Where a sidecar sent a call. Port is None where Istio knows no service (PassthroughCluster and its like)."""

    cluster: str
    direction: str
    port: int | None
    host: str


@dataclass(frozen=True)
class Span:
    """One side of one call, as the sidecar of that side saw it."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    operation: str
    start: int  # microseconds since the epoch
    duration: int  # microseconds
    kind: Literal["client", "server"]
    upstream: Upstream
    tags: Mapping[str, Tag]

    def tag(self, key: str) -> str:
        """Return a tag as text, empty where the span has none of that name."""
        return str(self.tags.get(key, ""))

    @property
    def grpc_path(self) -> str:
        """/package.Service/Method, empty for a call that is not gRPC."""
        return self.tag("grpc.path")

    @property
    def pod(self) -> str:
        """Name of the pod whose sidecar wrote the span, from `sidecar~ip~pod.namespace~domain`."""
        parts = self.tag("node_id").split("~")
        return parts[2].rpartition(".")[0] if len(parts) == 4 else ""  # noqa: PLR2004 - the parts of a node id


def parse_upstream(cluster: str) -> Upstream:
    found = CLUSTER_NAME.fullmatch(cluster)
    if not found:
        return Upstream(cluster, direction="", port=None, host="")
    return Upstream(cluster, found["direction"], int(found["port"]), found["host"])


def parse_services(text: str) -> tuple[str, ...]:
    root = _envelope(text, "jaeger services")
    return tuple(service.text() for service in optional_items(root, "data"))


def parse_spans(text: str) -> tuple[Span, ...]:
    """Return the spans of every trace in an answer of /api/traces."""
    root = _envelope(text, "jaeger traces")
    return tuple(_span(span, trace) for trace in optional_items(root, "data") for span in trace["spans"].items())


def _envelope(text: str, what: str) -> Field:
    root = read_json(text, what)
    if optional_items(root, "errors"):
        raise root["errors"].unreadable("no errors")
    return root


def _span(span: Field, trace: Field) -> Span:
    tags = {tag["key"].text(): _tag(tag) for tag in span["tags"].items()}
    process = trace["processes"][span["processID"].text()]
    kind = Field(tags.get("span.kind"), f"{span.path}.tags[span.kind]").one_of(SPAN_KINDS)
    return Span(
        trace_id=span["traceID"].text(),
        span_id=span["spanID"].text(),
        parent_id=_parent(span),
        service=process["serviceName"].text(),
        operation=span["operationName"].text(),
        start=span["startTime"].integer(),
        duration=span["duration"].integer(),
        kind=kind,  # type: ignore[arg-type]  # one_of checked it against the same words
        upstream=parse_upstream(str(tags.get("upstream_cluster", ""))),
        tags=tags,
    )


def _parent(span: Field) -> str:
    parents = [
        reference["spanID"].text()
        for reference in span["references"].items()
        if reference["refType"].one_of(REFERENCES) == "CHILD_OF"
    ]
    return parents[0] if parents else ""


def _tag(tag: Field) -> Tag:
    value = tag["value"]
    match tag["type"].one_of(("string", "bool", "int64", "float64", "binary")):
        case "bool":
            return value.flag()
        case "int64":
            return value.integer()
        case "float64":
            return value.number()
        case _:
            return value.text()


class Jaeger:
    """Jaeger's query API; `http` ends where its base path begins (`/jaeger` in Istio's addon)."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def services(self) -> tuple[str, ...]:
        return parse_services(self.http.get("jaeger-services", "/api/services"))

    def spans(self, service: str, *, start: int, end: int, tags: str = "", limit: int = 200) -> tuple[Span, ...]:
        """Return the spans of up to `limit` newest traces of `service` from `start` to `end` (microseconds).

        `tags` is a JSON object that a span of the trace must carry, such as {"grpc.path": "/ray.rpc..."}.
        """
        params: dict[str, str | int] = {"service": service, "start": start, "end": end, "limit": limit}
        if tags:
            params["tags"] = tags
        return parse_spans(self.http.get("jaeger-traces", "/api/traces", params))
