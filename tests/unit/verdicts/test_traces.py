"""gRPC traces: Ray's calls of this run, in every direction, seen by both sidecars, nearly all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from raymesh.ports import contract
from raymesh.proof.looks import must_cross
from raymesh.verdicts.calls import Call, calls_across, directions
from raymesh.verdicts.catalog import (
    EVERY_CALL,
    GRPC_NODE_MANAGER,
    GRPC_OBJECT_MANAGER,
    GRPC_WORKERS,
    HTTP_AGENT,
    KNOWN,
    PEERS,
    Verdict,
)
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.verdicts.traces import RunSpans, Window, every_call_traced, grpc_traces
from raymesh.witness.jaeger import Span, parse_upstream
from tests.unit.verdicts import built_calls
from tests.unit.verdicts.built_calls import (
    AGENT,
    HEALTHY,
    NODE_MANAGER,
    NODE_SERVICE,
    SERVICE,
    SINCE,
    WORKER_SERVICE,
    built_call,
    spans_of,
)
from tests.unit.verdicts.built_subject import MEMBERS, NAMES, SUBJECT
from tests.unit.verdicts.colour import red, red_of

RUN = RunSpans(SUBJECT, MEMBERS, SINCE)
MUST = must_cross(contract("2.54.0"))  # both raylets call each other
BOTH_WAYS = {
    "NODE_MANAGER": GRPC_NODE_MANAGER,
    "OBJECT_MANAGER": GRPC_OBJECT_MANAGER,
    "WORKER": GRPC_WORKERS,
}


def judge(spans: Sequence[Span], run: RunSpans = RUN, services: Sequence[str] = (SERVICE,)) -> Findings:
    return grpc_traces(services, spans, run=run, must_cross=MUST, named={"insider"})


def judged(*calls: Call) -> set[Verdict]:
    return red(judge(spans_of(*calls)))


def both(call: Call, change: Callable[[Span], Span]) -> Call:
    return Call(change(call.client), change(call.server))


def tagged(**tags: str) -> Callable[[Span], Span]:
    return lambda span: replace(span, tags={**span.tags, **{key.replace("__", "."): v for key, v in tags.items()}})


def test_a_healthy_run_is_green() -> None:
    findings = judge(spans_of(*HEALTHY))
    assert red(findings) == set()
    assert findings[0].figures == {"spans": 28}
    assert findings[3].figures == {"calls": 4, "ports": "10004"}


def test_no_data_is_red_everywhere() -> None:
    assert red(judge([])) == verdicts_of(judge([]))


def test_a_service_that_jaeger_does_not_list_is_red() -> None:
    assert red(judge(spans_of(*HEALTHY), services=["kuberay.default"])) == {KNOWN}


@pytest.mark.parametrize("run", [replace(RUN, since=SINCE + 6), replace(RUN, members=())])
def test_spans_of_another_run_do_not_count(run: RunSpans) -> None:
    assert red(judge(spans_of(*HEALTHY), run)) == verdicts_of(judge([]))


@pytest.mark.parametrize("pod", NAMES)
def test_a_pod_that_wrote_no_span_is_red(pod: str) -> None:
    assert KNOWN in red(judge([span for span in spans_of(*HEALTHY) if span.pod != pod]))


@pytest.mark.parametrize("kind", BOTH_WAYS)
@pytest.mark.parametrize("source", ["head", "worker"])
def test_one_direction_alone_is_red(kind: str, source: str) -> None:
    calls: tuple[Call, ...] = getattr(built_calls, kind)
    one_way = {id(call) for call in calls if call.client.pod.startswith(source)}
    assert judged(*(call for call in HEALTHY if id(call) not in one_way)) == {BOTH_WAYS[kind]}


@pytest.mark.parametrize("side", ["client", "server"])
def test_one_side_alone_proves_nothing(side: str) -> None:
    others = [call for call in HEALTHY if call not in NODE_MANAGER]
    spans = [span for span in spans_of(*NODE_MANAGER) if span.kind == side]
    assert red(judge([*spans, *spans_of(*others)])) == {GRPC_NODE_MANAGER}


DOCTORED: dict[str, Callable[[Call], Call]] = {
    "unavailable": lambda call: both(call, tagged(grpc__status_code="14")),
    "another status at the server": lambda call: replace(call, server=tagged(grpc__status_code="5")(call.server)),
    "not Ray's": lambda call: both(call, tagged(grpc__path="/grpc.health.v1.Health/Check")),
    "no path": lambda call: both(call, tagged(grpc__path="")),
    "past the mesh": lambda call: replace(
        call, client=replace(call.client, upstream=parse_upstream("PassthroughCluster"))
    ),
    "to another host": lambda call: replace(
        call, client=replace(call.client, upstream=parse_upstream("outbound|6380||other"))
    ),
    "came in elsewhere": lambda call: replace(
        call, server=replace(call.server, upstream=parse_upstream("inbound|6381||"))
    ),
    "of another call": lambda call: replace(call, server=replace(call.server, parent_id="other")),
}


@pytest.mark.parametrize("case", DOCTORED)
def test_calls_that_are_otherwise_do_not_count(case: str) -> None:
    others = [call for call in HEALTHY if call not in NODE_MANAGER]
    assert judged(*map(DOCTORED[case], NODE_MANAGER), *others) == {GRPC_NODE_MANAGER}


def test_worker_ports_outside_the_contract_do_not_count() -> None:
    stray = built_calls.both_ways(10013, WORKER_SERVICE)
    assert judged(*(call for call in HEALTHY if call not in built_calls.WORKER), *stray) == {GRPC_WORKERS}


@pytest.mark.parametrize(
    "instead",
    [
        both(AGENT[0], tagged(http__status_code="503")),
        built_call(52365, "head", "worker-a", path="/ray.rpc.LogService/ListLogs"),
    ],
)
def test_the_agent_must_answer_http(instead: Call) -> None:
    assert judged(*(call for call in HEALTHY if call not in AGENT), instead) == {HTTP_AGENT}


def test_a_caller_that_nobody_named_is_red_and_a_named_one_is_not() -> None:
    for caller, reasons in (("insider", set()), ("stranger", {PEERS})):
        call = built_call(6380, caller, "head", path=NODE_SERVICE)
        outside = replace(call, client=replace(call.client, service="other.default"))
        assert judged(*HEALTHY, outside) == reasons
    no_member = built_call(6380, "head", "left-over", path=NODE_SERVICE)
    assert judged(*HEALTHY, no_member) == {PEERS}


def test_what_a_pod_sends_to_itself_does_not_cross() -> None:
    call = NODE_MANAGER[0]
    own = replace(call, server=replace(call.server, tags=call.client.tags))
    assert calls_across(spans_of(own)) == []
    assert calls_across(spans_of(call)) == [call]


def test_directions_are_told_by_the_roles_at_both_ends() -> None:
    between = built_call(10004, "worker-a", "worker-b", path=WORKER_SERVICE)
    unknown = built_call(6380, "stranger", "head", path=NODE_SERVICE)
    assert directions([*AGENT, *built_calls.WORKER, between, unknown], RUN.roles) == {
        52365: {"head->worker"},
        10004: {"head->worker", "worker->head", "worker->worker"},
    }


def windows(counted: int) -> list[Window]:
    return [Window(name, SINCE, SINCE + 1_000_000, counted, frozenset()) for name in NAMES]


def received(pod: str, count: int, *, at: int = SINCE + 5) -> list[Span]:
    [server] = [s for s in spans_of(built_call(6380, "elsewhere", pod, path=NODE_SERVICE)) if s.kind == "server"]
    return [replace(server, start=at) for _ in range(count)]


ALL = [span for pod in NAMES for span in received(pod, 313)]


def test_every_call_traced_is_green() -> None:
    assert red(every_call_traced(windows(313), ALL, MEMBERS)) == set()


@pytest.mark.parametrize("pod", NAMES)
@pytest.mark.parametrize("traced", [0, 4, 290, 400])
def test_a_pod_of_which_few_calls_are_traced_or_too_many_is_red(pod: str, traced: int) -> None:
    spans = [span for span in ALL if span.pod != pod] + received(pod, traced)
    assert red_of(every_call_traced(windows(313), spans, MEMBERS)) == {(EVERY_CALL, pod)}


def test_spans_outside_the_window_do_not_count() -> None:
    spans = [span for span in ALL if span.pod != "head"] + received("head", 313, at=SINCE + 2_000_000)
    assert red_of(every_call_traced(windows(313), spans, MEMBERS)) == {(EVERY_CALL, "head")}


def test_a_pod_without_a_window_or_with_few_calls_is_red() -> None:
    assert red_of(every_call_traced(windows(313)[:2], ALL, MEMBERS)) == {(EVERY_CALL, "worker-b")}
    few = [span for pod in NAMES for span in received(pod, 49)]
    assert red_of(every_call_traced(windows(49), few, MEMBERS)) == {(EVERY_CALL, pod) for pod in NAMES}
