"""gRPC traces by Jaeger: Ray's own calls of this run, seen by both sidecars, on the ports of the contract."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from raymesh.ports import WORKER_PORTS, Role
from raymesh.ports.model import Crossing
from raymesh.subject import RayPod, Subject
from raymesh.verdicts.calls import Call, calls_across, crossing
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
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.jaeger import Span

WITNESS = "Jaeger"
GRPC_OK = "0"
HTTP_OK = "200"
NODE_MANAGER, OBJECT_MANAGER = "node-manager-port", "object-manager-port"
HTTP_PORT = "dashboard-agent-listen-port"
SERVICE_ON: Mapping[str, tuple[Verdict, str]] = {  # name of the contract -> the service that Ray serves there
    NODE_MANAGER: (GRPC_NODE_MANAGER, "/ray.rpc.NodeManagerService/"),
    OBJECT_MANAGER: (GRPC_OBJECT_MANAGER, "/ray.rpc.ObjectManagerService/"),
    WORKER_PORTS: (GRPC_WORKERS, "/ray.rpc.CoreWorkerService/"),
}
TRACED = 0.95  # of all calls, where every one is sampled: the rest is what is between two snapshots
FEWEST_CALLS = 50  # below that a share says nothing
MOST_TRACED = 1.1  # more spans than calls means that they are not of the same calls


@dataclass(frozen=True)
class RunSpans:
    """What tells the spans of this run from any other: the subject, its pods, and since when (microseconds)."""

    subject: Subject
    members: Sequence[RayPod]
    since: int

    @property
    def roles(self) -> dict[str, Role]:
        """Role by name of pod."""
        return {one.name: one.role for one in self.members}

    def of(self, spans: Sequence[Span]) -> list[Span]:
        """Return those that a pod of the subject wrote since then."""
        return [s for s in spans if self._is_ours(s) and s.pod in self.roles]

    def _is_ours(self, span: Span) -> bool:
        return span.service in self.subject.tracing_services and span.start >= self.since

    def strangers(self, spans: Sequence[Span]) -> list[Span]:
        """Return those under the subject's name that no pod of it wrote."""
        return [s for s in spans if self._is_ours(s) and s.pod not in self.roles]


def grpc_traces(
    services: Collection[str],
    spans: Sequence[Span],
    *,
    run: RunSpans,
    must_cross: Mapping[str, Sequence[Crossing]],
    named: Collection[str],
) -> Findings:
    """Judge Jaeger's list of services and the spans of one or more queries.

    `must_cross` says, by name of the contract, in which directions calls have to be seen. `named` are pods that may
    call the subject or be called by it.
    """
    ours = run.of(spans)
    known = Finding(
        KNOWN,
        ok=run.subject.tracing_services <= set(services) and {s.pod for s in ours} == set(run.roles) != set(),
        expected=f"service {' and '.join(sorted(run.subject.tracing_services))} "
        f"with spans of each of {some(sorted(run.roles))}",
        seen=f"{len(ours)} of {len(spans)} spans, of {some(sorted({s.pod for s in ours}))}; "
        f"services: {some(sorted(services))}",
        witness=WITNESS,
        figures={"spans": len(ours)},
    )
    calls = calls_across(ours)
    return (
        known,
        *(_grpc(calls, port, run, must_cross.get(port, ())) for port in SERVICE_ON),
        _http(calls, run, must_cross.get(HTTP_PORT, ())),
        _peers(spans, run, named),
    )


def _grpc(calls: list[Call], port: str, run: RunSpans, ways: Sequence[Crossing]) -> Finding:
    verdict, path = SERVICE_ON[port]
    here = _on_port(calls, port, run)
    good = [c for c in here if _same(c, "grpc.path").startswith(path) and _same(c, "grpc.status_code") == GRPC_OK]
    return _finding(verdict, good, here, ways, run, f"{path}* with status {GRPC_OK}")


def _http(calls: list[Call], run: RunSpans, ways: Sequence[Crossing]) -> Finding:
    here = _on_port(calls, HTTP_PORT, run)
    good = [c for c in here if not c.client.grpc_path and _same(c, "http.status_code") == HTTP_OK]
    return _finding(HTTP_AGENT, good, here, ways, run, f"HTTP with status {HTTP_OK}")


def _same(call: Call, tag: str) -> str:
    """Return a tag on which both sides agree, empty where they do not."""
    return call.client.tag(tag) if call.client.tag(tag) == call.server.tag(tag) else ""


def _on_port(calls: list[Call], port: str, run: RunSpans) -> list[Call]:
    """Return calls through the headless Service to a port, which the receiving side saw come in on the same one."""
    return [
        call
        for call in calls
        if (number := call.client.upstream.port) is not None
        and number == call.server.upstream.port
        and any(one.holds(number) for one in run.subject.contract.named(port))
        and call.client.upstream.host == run.subject.headless_host
        and call.server.upstream.direction == "inbound"
    ]


def _finding(
    verdict: Verdict, good: list[Call], here: list[Call], ways: Sequence[Crossing], run: RunSpans, wanted: str
) -> Finding:
    roles = run.roles
    seen = dict.fromkeys(ways, 0)
    for call in good:
        way = crossing(roles[call.client.pod], roles[call.server.pod])
        if way in seen:
            seen[way] += 1
    numbers = sorted({call.client.upstream.port or 0 for call in here})
    return Finding(
        verdict,
        ok=bool(seen) and all(seen.values()),
        expected=f"{' and '.join(ways)}: calls {wanted} through {run.subject.headless_host}, seen by both sidecars",
        seen=f"{some(f'{way} {count}' for way, count in seen.items())} of {len(here)} calls on ports {some(numbers)}",
        witness=WITNESS,
        figures={"calls": len(good), "ports": some(numbers)},
    )


def _peers(spans: Sequence[Span], run: RunSpans, named: Collection[str]) -> Finding:
    strangers = {span.pod or "no pod" for span in run.strangers(spans)}
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    callers = {
        parent.pod
        for span in run.of(spans)
        if (parent := by_id.get((span.trace_id, span.parent_id))) and parent.pod not in run.roles
    }
    unknown = sorted((strangers | callers) - set(named))
    return Finding(
        PEERS,
        ok=bool(run.of(spans)) and not unknown,
        expected=f"spans of {some(sorted(run.roles))}, and of {some(sorted(named))}",
        seen=f"{len(spans)} spans, of others: {some(unknown)}",
        witness=WITNESS,
    )


@dataclass(frozen=True)
class Window:
    """What one Ray pod's sidecar received between two snapshots, and when those were (microseconds).

    `counted` is calls that ended, `opened` the ports at which connections to the application were opened.
    """

    pod: str
    began: int
    ended: int
    counted: int
    opened: frozenset[int]


def every_call_traced(
    windows: Sequence[Window], spans: Sequence[Span], members: Sequence[RayPod], *, sampled: float = 1.0
) -> Findings:
    """Compare, for each Ray pod, the calls that its sidecar received with the server spans that ended in the window.

    `sampled` is the share of the calls that the mesh is said to trace: below 1 the expectation is scaled, and says so.
    """
    return tuple(_traced(one, next((w for w in windows if w.pod == one.name), None), spans, sampled) for one in members)


def _traced(one: RayPod, window: Window | None, spans: Sequence[Span], sampled: float) -> Finding:
    counted = window.counted if window else 0
    traced = sum(
        1
        for span in spans
        if window
        and span.kind == "server"
        and span.pod == one.name
        and window.began <= span.start + span.duration <= window.ended
    )
    return Finding(
        EVERY_CALL,
        ok=counted >= FEWEST_CALLS and traced > 0 and _fits(traced, counted, sampled),
        expected=f"{FEWEST_CALLS} calls received or more, {TRACED:.0%} of "
        + ("them traced" if sampled == 1 else f"the {sampled:.4g} of them that are sampled traced, but for chance"),
        seen=f"{traced} traced of {counted} that the sidecar counted",
        witness=WITNESS,
        about=one.name,
        figures={"calls": counted, "traced": traced},
    )


def _fits(traced: int, counted: int, sampled: float) -> bool:
    """Whether so many traced are the sampled share. Which calls are sampled is chance: by three standard deviations."""
    chance = 0.0 if sampled == 1 else 3 * math.sqrt(counted * sampled * (1 - sampled))
    return TRACED * sampled * counted - chance <= traced <= MOST_TRACED * sampled * counted + chance
