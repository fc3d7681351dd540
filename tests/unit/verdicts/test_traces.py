"""gRPC traces: green on Ray's calls of this run seen by both sidecars, red where one side, port or status is off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from raymesh.ports import contract
from raymesh.verdicts import Run, calls_across, grpc_traces
from raymesh.verdicts.calls import Call
from raymesh.verdicts.finding import names
from raymesh.witness.jaeger import Span, parse_upstream
from tests.unit.verdicts.built_calls import (
    AGENT,
    HEALTHY,
    HOST,
    NODE_MANAGER,
    SERVICE,
    SINCE,
    WORKER,
    built_call,
    spans_of,
)
from tests.unit.verdicts.colour import red

RUN = Run(SERVICE, ("head", "worker"), SINCE, HOST)
KNOWN = "the service has traces of this run"
ON_NODE_MANAGER = "gRPC on node-manager-port"
ON_WORKERS = "gRPC on worker-ports"
ON_AGENT = "HTTP on dashboard-agent-listen-port"


def judged(*calls: Call, services: tuple[str, ...] = (SERVICE,), run: Run = RUN) -> set[str]:
    return red(grpc_traces(services, spans_of(*calls), run=run, contract=contract()))


def both(call: Call, change: Callable[[Span], Span]) -> Call:
    return Call(change(call.client), change(call.server))


def tagged(**tags: str) -> Callable[[Span], Span]:
    return lambda span: replace(span, tags={**span.tags, **{key.replace("__", "."): v for key, v in tags.items()}})


def test_a_healthy_run_is_green() -> None:
    findings = grpc_traces([SERVICE, "other"], spans_of(*HEALTHY), run=RUN, contract=contract())
    assert red(findings) == set()
    assert findings[0].figures == {"spans": 8}
    assert findings[3].figures == {"calls": 1, "ports": "10004"}


def test_no_data_is_red_everywhere() -> None:
    findings = grpc_traces([], [], run=RUN, contract=contract())
    assert red(findings) == names(findings)


def test_a_service_that_jaeger_does_not_list_is_red() -> None:
    assert judged(*HEALTHY, services=("kuberay.default",)) == {KNOWN}


EVERY_KIND = {KNOWN, ON_NODE_MANAGER, "gRPC on object-manager-port", ON_WORKERS, ON_AGENT}


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, since=SINCE + 6),
        replace(RUN, pods=("head-of-another-run", "worker-of-another-run")),
        replace(RUN, service="kuberay.default"),
    ],
)
def test_spans_of_another_run_do_not_count(run: Run) -> None:
    assert judged(*HEALTHY, run=run, services=(run.service,)) == EVERY_KIND


def test_one_side_alone_proves_nothing() -> None:
    others = spans_of(*HEALTHY[1:])
    for span in (NODE_MANAGER.client, NODE_MANAGER.server):
        findings = grpc_traces([SERVICE], [span, *others], run=RUN, contract=contract())
        assert red(findings) == {ON_NODE_MANAGER}


@pytest.mark.parametrize(
    ("instead", "reasons"),
    [
        (both(NODE_MANAGER, tagged(grpc__status_code="14")), {ON_NODE_MANAGER}),
        (replace(NODE_MANAGER, server=tagged(grpc__status_code="5")(NODE_MANAGER.server)), {ON_NODE_MANAGER}),
        (both(NODE_MANAGER, tagged(grpc__path="/grpc.health.v1.Health/Check")), {ON_NODE_MANAGER}),
        (both(NODE_MANAGER, tagged(grpc__path="")), {ON_NODE_MANAGER}),
        (built_call(6382, path="/ray.rpc.NodeManagerService/GetNodeStats"), {ON_NODE_MANAGER}),
        (
            replace(NODE_MANAGER, client=replace(NODE_MANAGER.client, upstream=parse_upstream("PassthroughCluster"))),
            {ON_NODE_MANAGER},
        ),
        (
            replace(NODE_MANAGER, client=replace(NODE_MANAGER.client, upstream=parse_upstream("outbound|6380||other"))),
            {ON_NODE_MANAGER},
        ),
        (replace(NODE_MANAGER, server=replace(NODE_MANAGER.server, parent_id="other")), {ON_NODE_MANAGER}),
    ],
)
def test_each_doctored_call_is_red_for_its_own_reason(instead: Call, reasons: set[str]) -> None:
    assert judged(instead, *HEALTHY[1:]) == reasons


def test_worker_ports_outside_the_contract_do_not_count() -> None:
    stray = built_call(10013, path="/ray.rpc.CoreWorkerService/PushTask")
    assert judged(*(call for call in HEALTHY if call is not WORKER), stray) == {ON_WORKERS}


@pytest.mark.parametrize(
    "instead",
    [both(AGENT, tagged(http__status_code="503")), built_call(52365, path="/ray.rpc.LogService/ListLogs")],
)
def test_the_agent_must_answer_http(instead: Call) -> None:
    assert judged(*HEALTHY[:3], instead) == {ON_AGENT}


def test_what_a_pod_sends_to_itself_does_not_cross() -> None:
    own = replace(NODE_MANAGER, server=replace(NODE_MANAGER.server, tags=NODE_MANAGER.client.tags))
    assert calls_across(spans_of(own)) == []
    assert calls_across(spans_of(NODE_MANAGER)) == [NODE_MANAGER]
