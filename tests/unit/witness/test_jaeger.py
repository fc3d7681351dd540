"""Jaeger's answers become spans, and what is unknown is refused."""

from __future__ import annotations

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.jaeger import Upstream, parse_services, parse_spans, parse_upstream
from tests.unit.witness.builders import SERVICE, Doc, built_span, built_traces, text


def test_a_span_knows_its_call_and_its_pod() -> None:
    (span,) = parse_spans(text(built_traces(built_span())))
    assert (span.trace_id, span.span_id, span.parent_id) == ("t1", "s2", "s1")
    assert (span.service, span.kind, span.start, span.duration) == (
        "raycluster-istio.default",
        "client",
        1790000000000000,
        1500,
    )
    assert span.grpc_path == "/ray.rpc.NodeManagerService/RequestWorkerLease"
    assert span.upstream == Upstream(f"outbound|6380||{SERVICE}", "outbound", 6380, SERVICE)
    assert span.pod == "raycluster-istio-head-x7k2p"
    assert span.tag("http.status_code") == ""


@pytest.mark.parametrize(
    ("cluster", "direction", "port", "host"),
    [
        ("inbound|52365||", "inbound", 52365, ""),
        (f"outbound|6380||{SERVICE};", "outbound", 6380, SERVICE),
        ("outbound|443|v1|api.example", "outbound", 443, "api.example"),
        ("PassthroughCluster", "", None, ""),
        ("", "", None, ""),
    ],
)
def test_an_upstream_names_its_port(cluster: str, direction: str, port: int | None, host: str) -> None:
    assert parse_upstream(cluster) == Upstream(cluster, direction, port, host)


def test_typed_tags_keep_their_type() -> None:
    span = built_span()
    span["tags"] += [
        {"key": "error", "type": "bool", "value": True},
        {"key": "size", "type": "int64", "value": 7},
        {"key": "share", "type": "float64", "value": 0.5},
    ]
    (parsed,) = parse_spans(text(built_traces(span)))
    assert (parsed.tags["error"], parsed.tags["size"], parsed.tags["share"]) == (True, 7, 0.5)
    assert parsed.tag("size") == "7"


def broken(**more: object) -> Doc:
    return built_traces(built_span() | more)


@pytest.mark.parametrize(
    ("traces", "says"),
    [
        (built_traces(built_span(**{"span.kind": "producer"})), r"tags\[span\.kind\]: wants one of .*has 'producer'"),
        (built_traces(built_span(**{"span.kind": None})), r"tags\[span\.kind\]: wants a text, has 'None'"),
        (broken(processID="p9"), r"processes: wants an object with the key 'p9'"),
        (broken(startTime="soon"), r"spans\[0\]\.startTime: wants a whole number, has 'soon'"),
        (broken(tags=[{"key": "k", "type": "date", "value": "v"}]), r"tags\[0\]\.type: wants one of"),
        (broken(references=[{"refType": "SIBLING", "spanID": "s"}]), r"refType: wants one of"),
        (built_traces() | {"errors": [{"code": 500, "msg": "storage"}]}, r"errors: wants no errors, has .*storage"),
    ],
)
def test_an_unknown_span_is_unreadable(traces: Doc, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        parse_spans(text(traces))


def test_no_data_is_no_spans_and_no_services() -> None:
    assert parse_spans('{"data": null, "errors": null}') == ()
    assert parse_services('{"data": null, "errors": null}') == ()
