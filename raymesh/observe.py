"""Puts traffic, witnesses and verdicts together: work is done inside the polling loop of what asserts on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from raymesh.errors import WaitTimeout
from raymesh.lane import Lane
from raymesh.mesh import istio, kuberay
from raymesh.mesh.guide import HEAD, NAME, NAMESPACE, PODS, SERVICE_HOST, TRACING_SERVICE, WORKER
from raymesh.platform.kube import Kube
from raymesh.ports import WORKER_PORTS, Contract, Role
from raymesh.traffic import Traffic
from raymesh.verdicts.calls import calls_across
from raymesh.verdicts.envoy import Sidecar, mtls_by_envoy
from raymesh.verdicts.finding import Finding, failures, holds
from raymesh.verdicts.kiali import mtls_by_kiali
from raymesh.verdicts.platform import platform_as_pinned
from raymesh.verdicts.ports import crossing_ports, listening_ports, protocols_seen
from raymesh.verdicts.prometheus import mtls_by_prometheus, rebased
from raymesh.verdicts.refusal import OUTSIDERS, outsiders_refused
from raymesh.verdicts.traces import Run, grpc_traces
from raymesh.waiting import wait_for
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.http import NoAnswer
from raymesh.witness.jaeger import Jaeger, Span
from raymesh.witness.kiali import Kiali
from raymesh.witness.knock import Target, knock
from raymesh.witness.pods import Pod, parse_pods
from raymesh.witness.prometheus import Prometheus, received_by_policy
from raymesh.witness.sockets import State, parse

LOG = logging.getLogger(__name__)
Findings = tuple[Finding, ...]
Work = Callable[[], object]  # makes Ray's nodes call each other

WINDOW_SECONDS = 20  # of Kiali's rates: four scrapes
RATE_FLOOR = 1.0  # gRPC calls a second; measured: 30 to 50, and 3 while the guide's 5000 tasks are taken in
CALLS_FLOOR = 50
BEFORE = "prometheus-before"  # what growth is counted from, among the kept answers
STABLE_POLLS = 3
MOST_TRACES = 10000
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
CONTAINERS: dict[Role, str] = {"head": HEAD, "worker": WORKER}


def settle(what: str, probe: Callable[[], Findings], *, within: float, stable: int = 1) -> Findings:
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


def platform(kube: Kube, traffic: Traffic, lane: Lane, ray_pods: Collection[str]) -> Findings:
    """Judge what runs now; `ray_pods` are the names of the pods to be taken for Ray's."""
    versions = {
        "kubernetes": kube.version(),
        "istiod": istio.version(kube),
        "kuberay-operator": kuberay.version(kube),
        "ray": traffic.version(),
    }
    pods = parse_pods(kube.pods_json())
    return platform_as_pinned(
        pods,
        [pod for pod in pods if pod.namespace == NAMESPACE and pod.name in ray_pods],
        versions,
        traffic.nodes(),
        lane=lane,
        headless_host=SERVICE_HOST,
        ray_pod_count=PODS,
    )


def kiali_shows_mtls(kiali: Kiali, work: Work, *, within: float) -> Findings:
    """Judge Kiali's view while Ray works, until it is green several times in a row."""

    def probe() -> Findings:
        work()
        return by_kiali(kiali)

    return settle("mTLS by Kiali", probe, within=within, stable=STABLE_POLLS)


def by_kiali(kiali: Kiali) -> Findings:
    """Judge what Kiali shows now."""
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
    judge = growth_judge(prometheus)

    def probe() -> Findings:
        work()
        return judge()

    return settle("mTLS by Prometheus", probe, within=within)


def growth_judge(prometheus: Prometheus) -> Callable[[], Findings]:
    """Return a call that judges what grew in Prometheus since now. A counter that goes back is red once.

    It may do so without a restart: Envoy drops a counter with the last filter chain that used it. 46 s after a change
    of the mesh's configuration, when the old chains had drained, `tcp_connections_opened_total` was gone (Envoy 1.39.3,
    measured), and the next connection made it anew.
    """
    query = received_by_policy(NAMESPACE)
    before = prometheus.query(query, BEFORE)

    def judge() -> Findings:
        nonlocal before
        after = prometheus.query(query)
        findings = mtls_by_prometheus(before, after, workload=NAME, floor=CALLS_FLOOR)
        before = rebased(before, after)
        return findings

    return judge


def sidecars_show_mtls(sidecars: Mapping[Role, EnvoyAdmin], *, pods: int) -> Findings:
    """Judge what the sidecars say of their handshakes and inbound chains."""
    seen = {admin.pod: Sidecar(admin.handshakes(), admin.inbound()) for admin in sidecars.values()}
    return mtls_by_envoy(seen, pods=pods)


@dataclass(frozen=True)
class Sight:
    """What the mesh shows of Ray's calls: spans, and as which protocols it saw the ports that were crossed."""

    run: Run
    services: Collection[str]
    spans: Sequence[Span]
    protocols: Mapping[int, Collection[str]]

    def judged(self, contract: Contract) -> Findings:
        """Judge it all."""
        return (
            *grpc_traces(self.services, self.spans, run=self.run, contract=contract),
            *crossing_ports(self.protocols, contract, must_cross=CROSSING),
        )


Look = Callable[[float], Sight]  # takes since when, in seconds since the epoch


def sight(jaeger: Jaeger, sidecars: Mapping[Role, EnvoyAdmin], ray_pods: Mapping[Role, Pod], since: float) -> Sight:
    """Return what the mesh shows of calls since then (seconds since the epoch)."""
    run = Run(TRACING_SERVICE, {pod.name for pod in ray_pods.values()}, _microseconds(since), SERVICE_HOST)
    spans = jaeger.spans(TRACING_SERVICE, start=run.since, end=_microseconds(time.time()), limit=MOST_TRACES)
    chains = [chain for admin in sidecars.values() for chain in admin.inbound()]
    clusters = [cluster for admin in sidecars.values() for cluster in admin.clusters()]
    return Sight(run, jaeger.services(), spans, protocols_seen(calls_across(run.spans(spans)), chains, clusters))


def calls_are_visible(look: Look, work: Work, contract: Contract, *, since: float, within: float) -> Findings:
    """Judge the spans of what was done since then, and as which protocol the mesh saw each port that was crossed."""

    def probe() -> Findings:
        work()  # with it the sidecars send what they still hold of the spans
        return look(since).judged(contract)

    return settle("Ray's calls, visible", probe, within=within)


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


def node_address(pod: Pod) -> str:
    """Return the name under which a pod registers with Ray."""
    return f"{pod.ip.replace('.', '-')}.{SERVICE_HOST}"


def _places(targets: Sequence[Target]) -> set[tuple[str, int]]:
    return {(target.pod, target.port) for target in targets}


def _microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)
