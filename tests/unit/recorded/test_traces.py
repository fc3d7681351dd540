"""gRPC traces on recorded spans: green as they are, and red for the port whose spans were doctored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from raymesh.ports import WORKER_PORTS
from raymesh.verdicts import Finding, Run, grpc_traces
from raymesh.verdicts.finding import names
from raymesh.witness.jaeger import parse_services, parse_spans
from tests.unit.recorded.recordings import HEAD, Doctored, parsed
from tests.unit.recorded.spans import CONTRACT, RUN, SERVICES, TRACES, of_nobody, retagged, without
from tests.unit.verdicts.colour import red

KNOWN = "the service has traces of this run"
AGENT = "dashboard-agent-listen-port"
GRPC_PORTS = ("node-manager-port", "object-manager-port", WORKER_PORTS)
GRPC = {port: f"gRPC on {port}" for port in GRPC_PORTS}
HTTP = f"HTTP on {AGENT}"

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


def judge(doctored: Doctored | None = None, run: Run = RUN) -> tuple[Finding, ...]:
    services = parsed(parse_services, SERVICES, doctored)
    return grpc_traces(services, parsed(parse_spans, TRACES, doctored), run=run, contract=CONTRACT)


def test_the_recording_is_green() -> None:
    findings = judge()
    assert red(findings) == set()
    assert names(findings) == {KNOWN, *GRPC.values(), HTTP}
    assert [f.figures.get("calls") for f in findings] == [None, 71, 21, 201, 1]


@pytest.mark.parametrize("port", GRPC)
@pytest.mark.parametrize("case", OF_GRPC)
def test_a_grpc_port_is_red_for_its_own_spans(case: str, port: str) -> None:
    assert red(judge(OF_GRPC[case](port))) == {GRPC[port]}


@pytest.mark.parametrize("case", OF_HTTP)
def test_the_agent_is_red_for_its_own_spans(case: str) -> None:
    assert red(judge(OF_HTTP[case])) == {HTTP}


def test_a_service_that_is_not_listed_is_red() -> None:
    assert red(judge(Doctored(SERVICES, lambda answer: answer["data"].remove(RUN.service)))) == {KNOWN}


def test_no_spans_are_red_everywhere() -> None:
    assert red(judge(of_nobody())) == names(judge())


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, pods=("raycluster-istio-head-other",)),
        replace(RUN, since=max(span.start for span in parsed(parse_spans, TRACES)) + 1),
        replace(RUN, service="insider.default"),
    ],
    ids=["other pods", "began later", "another service"],
)
def test_spans_of_another_run_do_not_count(run: Run) -> None:
    assert red(judge(run=run)) == names(judge())


def test_one_pod_has_no_calls_across() -> None:
    assert red(judge(run=replace(RUN, pods=(HEAD,)))) == {*GRPC.values(), HTTP}
