"""Puts traffic, witnesses and verdicts together: work is done inside the polling loop of what asserts on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from raymesh.errors import WaitTimeout
from raymesh.kube import Kube
from raymesh.mesh.raycluster import HEAD, NAME, NAMESPACE, PODS, SERVICE_HOST, TRACING_SERVICE, WORKER
from raymesh.ports import WORKER_PORTS, Contract, Role
from raymesh.probes.knock import Target, knock
from raymesh.traffic import Traffic
from raymesh.verdicts.calls import calls_across
from raymesh.verdicts.envoy import Sidecar, mtls_by_envoy
from raymesh.verdicts.finding import Finding, failures, holds
from raymesh.verdicts.kiali import mtls_by_kiali
from raymesh.verdicts.ports import crossing_ports, listening_ports, protocols_seen
from raymesh.verdicts.prometheus import mtls_by_prometheus
from raymesh.verdicts.refusal import OUTSIDERS, outsiders_refused
from raymesh.verdicts.traces import Run, grpc_traces
from raymesh.waiting import wait_for
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.http import NoAnswer
from raymesh.witness.jaeger import Jaeger
from raymesh.witness.kiali import Kiali
from raymesh.witness.pods import Pod
from raymesh.witness.prometheus import Prometheus, received_by_policy
from raymesh.witness.sockets import State, parse

LOG = logging.getLogger(__name__)
Findings = tuple[Finding, ...]
Work = Callable[[], object]  # makes Ray's nodes call each other

WINDOW_SECONDS = 20  # of Kiali's rates: four scrapes
RATE_FLOOR = 1.0  # gRPC calls a second; measured: 48, and 3 while the guide's 5000 tasks pile up
CALLS_FLOOR = 50
STABLE_POLLS = 3
MOST_TRACES = 3000
# What always serves, and so must answer who may ask. Worker ports come and go with their processes; 6382 is declared
# grpc by the guide and speaks HTTP, so no client can reach it through the mesh.
SERVING = (
    *("node-manager-port", "object-manager-port", "dashboard-agent-grpc-port", "dashboard-agent-listen-port"),
    *("gcs-server-port", "dashboard-port", "client-port"),
)
CROSSING = (
    *("node-manager-port", "object-manager-port", WORKER_PORTS, "dashboard-agent-grpc-port"),
    *("dashboard-agent-listen-port", "gcs-server-port"),
)
WORK = ("nodes", "tasks", "actors", "objects", "logs")  # crosses every port of CROSSING but the agent's HTTP one
# What the verdicts say of a plaintext client that PERMISSIVE lets in, and nothing else.
PLAINTEXT_SHOWS = {
    "Prometheus": {"nothing but mutual_tls grows"},
    "Kiali": {"no edge below 100 % mTLS", "mTLS is demanded in the namespace"},
}
CONTAINERS: dict[Role, str] = {"head": HEAD, "worker": WORKER}


def _settle(what: str, probe: Callable[[], Findings], *, within: float, stable: int = 1) -> Findings:
    """Poll until the findings hold; where they never do, return the last ones, for they say why."""
    last: Findings = ()

    def attempt() -> Findings:
        nonlocal last
        last = probe()
        if not holds(last):
            LOG.info("%s, not yet: %s", what, failures(last))
        return last

    try:
        return wait_for(what, attempt, until=holds, within=within, stable=stable, transient=(NoAnswer,))
    except WaitTimeout:
        if not last:
            raise
        return last


def kiali_shows_mtls(kiali: Kiali, work: Work, *, within: float) -> Findings:
    """Judge Kiali's view while Ray works, until it is green several times in a row."""

    def probe() -> Findings:
        work()
        return _by_kiali(kiali)

    return _settle("mTLS by Kiali", probe, within=within, stable=STABLE_POLLS)


def _by_kiali(kiali: Kiali) -> Findings:
    return mtls_by_kiali(
        kiali.graph(NAMESPACE, WINDOW_SECONDS),
        kiali.workload(NAMESPACE, NAME),
        kiali.namespace_tls(NAMESPACE),
        kiali.validations(NAMESPACE),
        namespace=NAMESPACE,
        pods=PODS,
        rate_floor=RATE_FLOOR,
    )


def prometheus_shows_mtls(prometheus: Prometheus, work: Work, *, within: float) -> Findings:
    """Judge what grew in Prometheus from before the traffic until enough of it was scraped."""
    query = received_by_policy(NAMESPACE)
    before = prometheus.query(query)

    def probe() -> Findings:
        work()
        return mtls_by_prometheus(before, prometheus.query(query), workload=NAME, floor=CALLS_FLOOR)

    return _settle("mTLS by Prometheus", probe, within=within)


def sidecars_show_mtls(sidecars: Mapping[Role, EnvoyAdmin], *, pods: int) -> Findings:
    """Judge what the sidecars say of their handshakes and inbound chains."""
    seen = {admin.pod: Sidecar(admin.handshakes(), admin.inbound()) for admin in sidecars.values()}
    return mtls_by_envoy(seen, pods=pods)


def calls_are_visible(
    jaeger: Jaeger,
    sidecars: Mapping[Role, EnvoyAdmin],
    traffic: Traffic,
    work: Work,
    ray_pods: Mapping[Role, Pod],
    contract: Contract,
    *,
    within: float,
) -> Findings:
    """Judge the spans of work and a job done now, and as which protocol the mesh saw each port that they crossed."""
    since = _microseconds()
    run = Run(TRACING_SERVICE, {pod.name for pod in ray_pods.values()}, since, SERVICE_HOST)
    # Once: what starts drivers and workers in a loop runs out of worker ports.
    traffic.drive(WORK)
    traffic.job(node_address(ray_pods["worker"]), within)

    def probe() -> Findings:
        work()  # with it the sidecars send what they still hold of the spans
        spans = jaeger.spans(TRACING_SERVICE, start=since, end=_microseconds(), limit=MOST_TRACES)
        chains = [chain for admin in sidecars.values() for chain in admin.inbound()]
        clusters = [cluster for admin in sidecars.values() for cluster in admin.clusters()]
        seen = protocols_seen(calls_across(run.spans(spans)), chains, clusters)
        return (
            *grpc_traces(jaeger.services(), spans, run=run, contract=contract),
            *crossing_ports(seen, contract, must_cross=CROSSING),
        )

    return _settle("Ray's calls, visible", probe, within=within)


def ports_listening(kube: Kube, ray_pods: Mapping[Role, Pod], contract: Contract) -> Findings:
    """Judge the sockets that listen in each Ray pod where other pods can reach them."""
    listening = {}
    for role, pod in ray_pods.items():
        tables = ["cat", "/proc/net/tcp", "/proc/net/tcp6"]
        text = kube.exec(pod.name, tables, container=CONTAINERS[role], namespace=NAMESPACE).stdout
        sockets = [socket for socket in parse(text) if socket.state == State.LISTEN]
        listening[role] = {s.local.port for s in sockets if not s.local.address.is_loopback}
    return listening_ports(listening, contract)


def refusals(kube: Kube, targets: Sequence[Target], contract: Contract) -> Findings:
    """Judge what a pod without identity and one with identity get at each port."""
    serving = serving_targets(targets, contract)
    probes = [
        *knock(kube, "outsider", OUTSIDERS, targets),
        *knock(kube, "insider", ["in the mesh"], serving),
    ]
    return outsiders_refused(probes, ports=_places(targets), answering=_places(serving))


def serving_targets(targets: Sequence[Target], contract: Contract) -> list[Target]:
    """Return those of the ports that always serve."""
    serving = [contract.find(name) for name in SERVING]
    return [target for target in targets if any(port.holds(target.port) for port in serving)]


def outsider_gets_through(kube: Kube, serving: Sequence[Target], *, within: float) -> None:
    """Wait until a plaintext client is answered at every one of these ports. Raises WaitTimeout."""
    wait_for(
        "a plaintext client gets through",
        lambda: [
            str(probe) for probe in knock(kube, "outsider", ["plaintext"], serving) if probe.outcome != "answered"
        ],
        until=lambda others: not others,
        within=within,
    )


def sidecars_turn(sidecars: Mapping[Role, EnvoyAdmin], *, green: bool, within: float) -> None:
    """Wait until the sidecars' own verdict is green, or is red. Raises WaitTimeout."""
    wait_for(
        f"mTLS by the sidecars turns {'green' if green else 'red'}",
        lambda: sidecars_show_mtls(sidecars, pods=PODS),
        until=lambda findings: holds(findings) == green,
        within=within,
    )


def plaintext_shows(
    prometheus: Prometheus, kiali: Kiali, work: Work, kube: Kube, serving: Sequence[Target], *, within: float
) -> None:
    """Wait until plaintext that a client sends now turns Prometheus' and Kiali's verdicts red, each for that alone.

    Raises WaitTimeout.
    """
    query = received_by_policy(NAMESPACE)
    before = prometheus.query(query)

    def red() -> dict[str, set[str]]:
        work()
        knock(kube, "outsider", ["plaintext"], serving)
        by_prometheus = mtls_by_prometheus(before, prometheus.query(query), workload=NAME, floor=CALLS_FLOOR)
        return {"Prometheus": _red(by_prometheus), "Kiali": _red(_by_kiali(kiali))}

    wait_for(f"plaintext shows: {PLAINTEXT_SHOWS}", red, until=lambda seen: seen == PLAINTEXT_SHOWS, within=within)


def _red(findings: Findings) -> set[str]:
    return {finding.verdict for finding in findings if not finding.ok}


def node_address(pod: Pod) -> str:
    """Return the name under which a pod registers with Ray."""
    return f"{pod.ip.replace('.', '-')}.{SERVICE_HOST}"


def _places(targets: Sequence[Target]) -> set[tuple[str, int]]:
    return {(target.pod, target.port) for target in targets}


def _microseconds() -> int:
    return int(time.time() * 1_000_000)
