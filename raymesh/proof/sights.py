"""Collects what a record shows of the end of a run, and judges nothing. What nobody can show has a reason instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from raymesh.errors import RaymeshError
from raymesh.evidence.sights import EdgeSeen, SidecarSeen, Sights
from raymesh.ports import Role
from raymesh.proof import showing
from raymesh.proof.bench import Bench
from raymesh.proof.looks import MOST_TRACES
from raymesh.subject import RayPod
from raymesh.verdicts.calls import Call, calls_across
from raymesh.verdicts.traces import RunSpans
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.jaeger import Span
from raymesh.witness.made import Service, Shape, parse_services, parse_shapes

T = TypeVar("T")
LOOK_BACK_SECONDS = 600.0  # of traces, at most: what the last looks saw
NOBODY: dict[str, Any] = {}
NO_KNOCKS = "nobody knocked in this run"


def collect(bench: Bench) -> Sights:
    """Let Ray work once more, ask everybody, and return what they showed."""
    missing: dict[str, str] = {}

    def asked(part: str, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except (
            RaymeshError
        ) as error:  # also a witness that is silent: the run has its findings, with or without a picture
            missing[part] = str(error) or type(error).__name__
            return otherwise

    asked("work", lambda: bench.work().version, "")
    members: tuple[RayPod, ...] = asked("pods", bench.members, ())
    roles: dict[str, Role] = {one.name: one.role for one in members}
    contract = bench.subject.contract
    spans: tuple[Span, ...] = asked("traces", lambda: _spans(bench), ())
    calls: list[Call] = calls_across(RunSpans(bench.subject, members, since=0).of(spans))
    chains = asked("chains", lambda: bench.each_sidecar(EnvoyAdmin.inbound), NOBODY)
    sidecars = asked("sidecars", lambda: bench.each_sidecar(_sidecar), NOBODY)
    for name in sorted(roles.keys() - sidecars.keys()):
        missing[f"sidecar of {name}"] = "its admin interface did not answer"
    insides = asked("sockets", bench.insides, NOBODY)
    for name in sorted(roles.keys() - insides.keys()):
        missing[f"sockets of {name}"] = "the container could not be looked into"
    if not bench.knocks:
        missing["clients"] = NO_KNOCKS
    namespace, selector = bench.subject.namespace, bench.subject.selector
    words = ("get", "services", "--namespace", namespace, "--output", "json")
    services: tuple[Service, ...] = asked("services", lambda: parse_services(bench.kube.kubectl(*words).stdout), ())
    shapes: tuple[Shape, ...] = asked("containers", lambda: parse_shapes(bench.kube.pods_json(namespace, selector)), ())
    windows = [window for looked in bench.windows for window in looked]
    opened = {pod: {port for window in windows if window.pod == pod for port in window.opened} for pod in roles}
    return Sights(
        taken=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        edges=asked("edges", lambda: _edges(bench), ()),
        ports=showing.posture(members, insides, chains, opened, calls, bench.knocks, contract),
        clients=showing.clients(bench.knocks),
        calls=showing.between_pods(calls),
        methods=showing.methods(calls, roles, contract),
        traces=showing.traces(calls, spans, roles, contract),
        sidecars=tuple(sidecars[name] for name in sorted(sidecars)),
        received=asked("received", lambda: showing.received(bench.samples(), roles), ()),
        missing=missing,
        services=showing.services(services),
        containers=showing.containers(shapes, roles),
        spans=showing.called(spans) if spans else None,
    )


def _edges(bench: Bench) -> tuple[EdgeSeen, ...]:
    return showing.edges(bench.witnesses.kiali.graph(bench.subject.namespace, bench.window))


def _spans(bench: Bench) -> tuple[Span, ...]:
    now = time.time()
    start, end = (int(seconds * 1e6) for seconds in (max(bench.since, now - LOOK_BACK_SECONDS), now))
    jaeger = bench.witnesses.jaeger
    return tuple(
        span
        for service in sorted(bench.subject.tracing_services)
        for span in jaeger.spans(service, start=start, end=end, limit=MOST_TRACES)
    )


def _sidecar(admin: EnvoyAdmin) -> SidecarSeen:
    memory, clusters = admin.memory(), admin.clusters()
    connections, requests = showing.opened_and_sent(clusters)
    return SidecarSeen(
        admin.pod,
        memory=memory.used,
        heap=memory.heap,
        listeners=len(admin.listeners()),
        clusters=len(clusters),
        connections=connections,
        requests=requests,
        up=admin.server().up,
        handshakes=admin.handshakes().by_version,
    )
