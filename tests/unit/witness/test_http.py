"""The witnesses' HTTP calls: recorded word for word, with a deadline, errors as NoAnswer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from raymesh.witness.http import Http, NoAnswer
from raymesh.witness.jaeger import Jaeger
from raymesh.witness.kiali import Kiali
from raymesh.witness.prometheus import Prometheus, counted_by_sidecars
from tests.unit.witness.builders import Doc, built_graph, built_span, built_traces, built_vector, text

ANSWERS: dict[str, Doc | list[str]] = {
    "/kiali/api/namespaces/graph": built_graph(),
    "/jaeger/api/services": {"data": ["raycluster-istio.default"], "errors": None},
    "/jaeger/api/traces": built_traces(built_span()),
    "/api/v1/query": built_vector(({"connection_security_policy": "mutual_tls"}, "7")),
}


class Handler(BaseHTTPRequestHandler):
    """Answers what ANSWERS holds and keeps what was asked."""

    asked: list[str] = []  # noqa: RUF012 - shared on purpose: a handler lives for one request

    def do_GET(self) -> None:
        self.asked.append(self.path)
        answer = ANSWERS.get(urlsplit(self.path).path)
        self.send_response(200 if answer else 503)
        self.end_headers()
        self.wfile.write(text(answer).encode() if isinstance(answer, dict) else b"no healthy upstream")

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def base_url() -> Iterator[str]:
    """Address of a server that stands where the witnesses would."""
    Handler.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def recorded() -> dict[str, str]:
    """What the recorder was given."""
    return {}


def test_kiali_is_asked_for_the_workload_graph_with_its_security(base_url: str, recorded: dict[str, str]) -> None:
    graph = Kiali(Http(base_url + "/kiali", recorded.__setitem__)).graph("default", seconds=60)
    asked = parse_qs(urlsplit(Handler.asked[0]).query)
    assert (asked["graphType"], asked["duration"], asked["namespaces"]) == (["workload"], ["60s"], ["default"])
    assert "securityPolicy" in asked["appenders"][0].split(",")
    assert len(graph.edges) == 1
    assert recorded == {"kiali-graph": text(built_graph())}


def test_jaeger_is_asked_in_microseconds(base_url: str, recorded: dict[str, str]) -> None:
    jaeger = Jaeger(Http(base_url + "/jaeger/", recorded.__setitem__))
    assert jaeger.services() == ("raycluster-istio.default",)
    assert len(jaeger.spans("raycluster-istio.default", start=1, end=2, tags='{"grpc.path": "/x"}')) == 1
    asked = parse_qs(urlsplit(Handler.asked[1]).query)
    assert (asked["start"], asked["end"], asked["tags"]) == (["1"], ["2"], ['{"grpc.path": "/x"}'])


def test_prometheus_is_asked_for_the_receiving_side(base_url: str, recorded: dict[str, str]) -> None:
    samples = Prometheus(Http(base_url, recorded.__setitem__)).query(counted_by_sidecars("default"))
    assert samples[0].value == 7
    promql = parse_qs(urlsplit(Handler.asked[0]).query)["query"][0]
    assert 'reporter="destination"' in promql
    assert 'destination_workload_namespace="default"' in promql


def test_an_http_error_is_recorded_and_raised(base_url: str, recorded: dict[str, str]) -> None:
    with pytest.raises(NoAnswer, match=r"/kiali/api/status: HTTP 503: no healthy upstream"):
        Kiali(Http(base_url + "/kiali", recorded.__setitem__)).status()
    assert recorded == {"kiali-status": "no healthy upstream"}


def test_nobody_there_is_no_answer(recorded: dict[str, str]) -> None:
    with pytest.raises(NoAnswer, match="refused"):
        Prometheus(Http("http://127.0.0.1:9", recorded.__setitem__)).targets()
    assert recorded == {}
