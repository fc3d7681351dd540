"""gRPC traces on recorded spans: green as they are, and red for the port whose spans were doctored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from raymesh.ports import WORKER_PORTS
from raymesh.proof.looks import must_cross
from raymesh.verdicts.catalog import GRPC_NODE_MANAGER, GRPC_OBJECT_MANAGER, GRPC_WORKERS, HTTP_AGENT, KNOWN, PEERS
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.verdicts.traces import RunSpans, grpc_traces
from raymesh.witness.jaeger import parse_services, parse_spans
from tests.unit.recorded.recordings import Doctored, parsed
from tests.unit.recorded.spans import CONTRACT, MEMBERS, RUN, SERVICES, TRACES, of_nobody, retagged, without
from tests.unit.verdicts.colour import red

AGENT = "dashboard-agent-listen-port"
GRPC = {
    "node-manager-port": GRPC_NODE_MANAGER,
    "object-manager-port": GRPC_OBJECT_MANAGER,
    WORKER_PORTS: GRPC_WORKERS,
}

OF_GRPC: dict[str, Callable[[str], Doctored]] = {
    "unavailable": lambda port: retagged(port, "grpc.status_code", "14"),
    "unavailable at the server": lambda port: retagged(port, "grpc.status_code", "14", ["server"]),
    "not Ray's": lambda port: retagged(port, "grpc.path", "/grpc.health.v1.Health/Check"),
    "sent past the mesh": lambda port: retagged(port, "upstream_cluster", "PassthroughCluster", ["client"]),
    "no client": lambda port: without(port, ["client"]),
    "no server": lambda port: without(port, ["server"]),
}
OF_HTTP: dict[str, Doctored] = {
    "failed": retagged(AGENT, "http.status_code", "503"),
    "failed to the client": retagged(AGENT, "http.status_code", "503", ["client"]),
    "gRPC": retagged(AGENT, "grpc.path", "/ray.rpc.LogService/ListLogs"),
    "no client": without(AGENT, ["client"]),
    "no server": without(AGENT, ["server"]),
}


def judge(doctored: Doctored | None = None, run: RunSpans = RUN) -> Findings:
    services = parsed(parse_services, SERVICES, doctored)
    spans = parsed(parse_spans, TRACES, doctored)
    return grpc_traces(services, spans, run=run, must_cross=must_cross(CONTRACT), named={"insider"})


def test_the_recording_is_green() -> None:
    findings = judge()
    assert red(findings) == set()
    assert verdicts_of(findings) == {KNOWN, *GRPC.values(), HTTP_AGENT, PEERS}


@pytest.mark.parametrize("port", GRPC)
@pytest.mark.parametrize("case", OF_GRPC)
def test_a_grpc_port_is_red_for_its_own_spans(case: str, port: str) -> None:
    assert red(judge(OF_GRPC[case](port))) == {GRPC[port]}


@pytest.mark.parametrize("case", OF_HTTP)
def test_the_agent_is_red_for_its_own_spans(case: str) -> None:
    assert red(judge(OF_HTTP[case])) == {HTTP_AGENT}


def test_a_service_that_is_not_listed_is_red() -> None:
    [listed] = RUN.subject.tracing_services
    assert red(judge(Doctored(SERVICES, lambda answer: answer["data"].remove(listed)))) == {KNOWN}


def test_no_spans_are_red_everywhere() -> None:
    assert red(judge(of_nobody())) == verdicts_of(judge())


def test_spans_of_before_do_not_count() -> None:
    later = max(span.start for span in parsed(parse_spans, TRACES)) + 1
    assert red(judge(run=replace(RUN, since=later))) == verdicts_of(judge())


def test_a_pod_that_nobody_named_is_red() -> None:
    """All is there but that one of the two writers is no Ray pod: no call crosses between Ray pods."""
    assert red(judge(run=replace(RUN, members=MEMBERS[:1]))) == {*GRPC.values(), HTTP_AGENT, PEERS}
