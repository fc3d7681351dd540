"""The looks: each reads its witnesses once and judges what they saw. What a fault breaks, one of these must say."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from raymesh.mesh import addons, istio, kuberay
from raymesh.ports import WORKER_PORTS, Contract
from raymesh.ports.model import Crossing
from raymesh.ports.versions import Version
from raymesh.proof.asking import looks_left
from raymesh.proof.bench import HANDS, Bench
from raymesh.proof.knocking import always_serving
from raymesh.subject import Subject
from raymesh.traffic import TrafficFailed
from raymesh.verdicts.calls import calls_across, directions
from raymesh.verdicts.envoy import Sidecar, mtls_by_envoy
from raymesh.verdicts.finding import Findings
from raymesh.verdicts.kiali import KialiView, mtls_by_kiali
from raymesh.verdicts.platform import platform_as_pinned
from raymesh.verdicts.ports import SIDECAR_PORTS, crossing_ports, listening_ports, protocols_seen
from raymesh.verdicts.prometheus import Ledger, mtls_by_prometheus
from raymesh.verdicts.refusal import insiders, refusals
from raymesh.verdicts.traces import RunSpans, Window, every_call_traced, grpc_traces
from raymesh.verdicts.work import every_node_worked
from raymesh.witness.envoy import Cluster, EnvoyAdmin
from raymesh.witness.http import SILENT
from raymesh.witness.jaeger import Span, parse_upstream
from raymesh.witness.kiali import Graph
from raymesh.witness.knock import targets

RATE_FLOOR = 1.0  # gRPC calls a second; measured: 30 to 50, and 3 while the guide's 5000 tasks are taken in
CALLS_FLOOR = 20
MOST_TRACES = 10000
FLUSH_SECONDS = 8.0  # a sidecar may hold a span back for 5 s (Envoy's zipkin flush interval)
LOOK_BACK_SECONDS = 120.0  # a long poll that ends now began as long ago
HEAD_TO_WORKER: tuple[Crossing, ...] = ("head->worker",)
WORKER_TO_HEAD: tuple[Crossing, ...] = ("worker->head",)
BOTH_WAYS: tuple[Crossing, ...] = ("head->worker", "worker->head")
# Programs that report a version, by the role of the image that they run from.
OF_ROLE: Mapping[str, tuple[str, ...]] = {
    **{role: (role,) for role in ("kuberay-operator", "ray", "kiali", "jaeger", "prometheus")},
    "pilot": ("istiod",),
    "sidecar": ("istio-proxy", "envoy"),
    "node": ("kubernetes", "kubelet"),
}
RAYLETS_TALK = Version(2, 54)  # from here on a worker's raylet calls the head's (measured, raymesh/ports/facts.py)


def work(bench: Bench) -> Findings:
    """Let every node work with every other, and judge by Ray's own word; where nothing is driven there is no word."""
    if bench.watching:
        bench.watch()
    if bench.watching or not bench.driven:
        return ()
    wanted = {one.host for one in bench.members()}
    try:
        calls = bench.work().calls
        why = ""
    except TrafficFailed as error:
        calls, why = {}, str(error)
    return every_node_worked(calls, wanted, why)


def platform(bench: Bench) -> Findings:
    """Judge what runs now; on a cluster that is not ours, in the subject's namespace alone."""
    pods = bench.pods() if bench.borrowed is None else bench.members_pods()
    beat = bench.last_beat
    insides = bench.insides()
    observed = observed_versions(bench)
    return platform_as_pinned(
        pods,
        bench.subject,
        observed,
        wanted_versions(bench) | as_observed(observed, unpinned(bench)),
        beat.alive if beat else {},
        {name: inside.environment for name, inside in insides.items()},
        bench.strangers(),
    )


def observed_versions(bench: Bench) -> dict[str, str]:
    """Return the version that each program reports of itself; KubeRay's operator has none but its image's tag."""
    if bench.borrowed is not None:
        return dict(bench.borrowed)
    kube = bench.kube
    found = {"kubernetes": kube.version(), "istiod": istio.version(kube), "kuberay-operator": kuberay.version(kube)}
    found |= {f"kubelet of {node}": version for node, version in kube.kubelets().items()}
    if bench.last_beat:
        found["ray"] = bench.last_beat.version
    for pod, server in bench.each_sidecar(EnvoyAdmin.server).items():
        found[f"istio-proxy of {pod}"] = server.istio
        found[f"envoy of {pod}"] = server.version
    found["kiali"] = bench.witnesses.kiali.status().version
    found["jaeger"] = addons.jaeger_version(kube)
    found["prometheus"] = bench.witnesses.prometheus.version()
    return {program: version.removeprefix("v").partition("+")[0] for program, version in found.items()}


def wanted_versions(bench: Bench) -> dict[str, str]:
    """Return the lane's versions, by program. Which Envoy is in Istio's own proxy, no lane says."""
    lane = bench.lane
    wanted = {
        "kubernetes": lane.kubernetes,
        "kubelet": lane.kubernetes,
        "istiod": lane.istio,
        "istio-proxy": lane.istio,
    }
    wanted |= {"kuberay-operator": lane.kuberay, "ray": str(bench.subject.contract.ray_version)}
    wanted |= {"kiali": lane.kiali, "jaeger": lane.jaeger, "prometheus": lane.prometheus}
    return wanted | {"envoy": lane.envoy} if bench.stock_proxy else wanted


def unpinned(bench: Bench) -> frozenset[str]:
    """Return the programs whose version no lane says: of an image given by hand, and the Envoy in Istio's own proxy."""
    given = {program for role in bench.given for program in OF_ROLE[role]}
    return frozenset(given if bench.stock_proxy else {*given, "envoy"})


def as_observed(observed: Mapping[str, str], programs: Collection[str]) -> dict[str, str]:
    """Return the version of each of these programs by its own word; where there are several, of one of them."""
    found: dict[str, str] = {}
    for name, version in observed.items():
        program = name.split(" of ", maxsplit=1)[0]
        if program in programs:
            found.setdefault(program, version)
    return found


def kiali(bench: Bench) -> Findings:
    """Judge what Kiali shows now."""
    witness, subject = bench.witnesses.kiali, bench.subject
    view = KialiView(
        graph=_own_part(bench, witness.graph(subject.namespace, bench.window)),
        workload=witness.workload(subject.namespace, subject.name),
        tls=witness.namespace_tls(subject.namespace),
        mesh=witness.mesh_tls(),
        validations=witness.validations(subject.namespace),
        asked=time.time(),
    )
    return mtls_by_kiali(
        view,
        namespace=subject.namespace,
        pods=bench.size(),
        identities=bench.subject.identities | bench.named_identities,
        rate_floor=RATE_FLOOR,
        driven=bench.driven and not bench.watching,
    )


def _own_part(bench: Bench, graph: Graph) -> Graph:
    """On a cluster that is not ours others live in the namespace, too: keep what has to do with the subject."""
    if bench.borrowed is None:
        return graph
    name, space = bench.subject.name, bench.subject.namespace
    own = {node for node in graph.nodes if (node.workload, node.namespace) == (name, space)}
    edges = tuple(edge for edge in graph.edges if edge.source in own or edge.target in own)
    ends = own | {end for edge in edges for end in (edge.source, edge.target)}
    return replace(graph, nodes=tuple(node for node in graph.nodes if node in ends), edges=edges)


def prometheus(bench: Bench) -> Findings:
    """Judge what Prometheus counted since the bench was marked, and of other security since the pods began."""
    samples = bench.samples()
    if bench.ledger is None:
        bench.ledger = Ledger.opened(samples, fresh=bench.fresh)
    members = bench.members()
    return mtls_by_prometheus(
        bench.ledger,
        samples,
        bench.witnesses.prometheus.targets(),
        pods={one.name for one in members},
        identities=bench.subject.identities | bench.named_identities,
        floor=CALLS_FLOOR,
    )


def sidecars(bench: Bench) -> Findings:
    """Judge what the sidecars say of their handshakes, inbound chains, roots and outbound clusters."""
    subject = bench.subject

    def ask(admin: EnvoyAdmin) -> Sidecar:
        # Without a headless Service there is nothing by which its ports could be dialled: each of them is missing.
        outbound = admin.outbound(subject.headless_host) if subject.headless_host else ()
        return Sidecar(admin.handshakes(), admin.inbound(), outbound, admin.certificates())

    members, told = bench.members(), bench.each_sidecar(ask)
    if bench.handshakes is None:  # an earlier run's faults left some on a cluster that it kept
        kept = not bench.fresh and bench.borrowed is None
        bench.handshakes = {pod: one.handshakes for pod, one in told.items()} if kept else {}
    return mtls_by_envoy(
        told,
        pods={one.name for one in members},
        trust=bench.trust,
        ports={port.number for port in subject.contract.headless_ports()},
        forgiven=bench.handshakes,
    )


def ports(bench: Bench) -> Findings:
    """Judge the sockets of each Ray pod."""
    return listening_ports(bench.members(), bench.insides(), bench.subject.contract, bench.subject.beside)


def traces(bench: Bench) -> Findings:
    """Judge the spans of what was done since the bench was marked, and as which protocol the mesh saw each port."""
    members, subject = bench.members(), bench.subject
    run = RunSpans(subject, members, _microseconds(bench.since))
    jaeger = bench.witnesses.jaeger
    began, now = _microseconds(bench.since - LOOK_BACK_SECONDS), _microseconds(time.time())
    found = [
        span
        for service in sorted(subject.tracing_services)
        for span in jaeger.spans(service, start=began, end=now, limit=MOST_TRACES)
    ]
    looked = list({(span.trace_id, span.span_id): span for span in found}.values())  # a trace may be of several
    spans = [span for span in looked if span.start >= run.since]
    must = must_cross(subject.contract)
    crossed = _crossed(bench, spans, run)
    return (
        *grpc_traces(jaeger.services(), spans, run=run, must_cross=must, named=bench.named),
        *crossed,
        *every_call_traced(_flushed(bench), looked, members, sampled=bench.sampled),
    )


def _crossed(bench: Bench, spans: list[Span], run: RunSpans) -> Findings:
    contract = bench.subject.contract
    calls = calls_across(run.of(spans))
    dumps = bench.each_sidecar(lambda admin: (admin.inbound(), admin.clusters()))
    chains = [chain for inbound, _ in dumps.values() for chain in inbound]
    ways = directions(calls, run.roles)
    # TCP leaves no trace. Who dialled is told by the dialling side's own clusters, and by what was opened while Ray
    # worked and nobody else knocked.
    opened = {port for window in bench.windows for one in window for port in one.opened}
    held = {pod: _held_open(clusters, bench.subject) for pod, (_, clusters) in dumps.items()}
    for pod, role in run.roles.items():
        for port in held.get(pod, ()):
            if role == "worker" and contract.protocol_of(port) == "tcp":
                ways.setdefault(port, set()).add("worker->head")
    dialled = opened.union(*held.values())
    return crossing_ports(protocols_seen(calls, chains, dialled), ways, contract, must_cross=must_cross(contract))


def _held_open(clusters: Sequence[Cluster], subject: Subject) -> set[int]:
    """Return the ports of the subject's Services to which a sidecar has connected."""
    hosts = (subject.headless_host, subject.head_host)
    upstreams = [(parse_upstream(cluster.name), cluster) for cluster in clusters]
    return {up.port for up, cluster in upstreams if up.port and up.host in hosts and cluster.connections}


def must_cross(contract: Contract) -> dict[str, tuple[Crossing, ...]]:
    """Return in which directions each port is crossed by the work of a round; a unit test holds the contract to it."""
    ways = {
        "node-manager-port": BOTH_WAYS if contract.ray_version >= RAYLETS_TALK else HEAD_TO_WORKER,
        "object-manager-port": BOTH_WAYS,
        WORKER_PORTS: BOTH_WAYS,
        "dashboard-agent-grpc-port": HEAD_TO_WORKER,
        "dashboard-agent-listen-port": HEAD_TO_WORKER,
        "gcs-server-port": WORKER_TO_HEAD,
    }
    return {name: way for name, way in ways.items() if any(port.name == name for port in contract.ports)}


def _flushed(bench: Bench) -> list[Window]:
    """Return the newest windows whose spans can't still be on their way."""
    old = [w for w in bench.windows if w and max(one.ended for one in w) < _microseconds(time.time() - FLUSH_SECONDS)]
    return old[-1] if old else []


def refusal(bench: Bench) -> Findings:
    """Let clients of every kind knock at every port that listens; nobody does where nothing may be put there."""
    if bench.witnesses.knocking is None:
        return ()
    members, contract = bench.members(), bench.subject.contract
    listening = {name: inside.listening_ports for name, inside in bench.insides().items()}
    seen = [one for one in members if one.name in listening]  # a pod that could not be looked into has no target: red
    wanted = targets(seen, listening, contract, apart=SIDECAR_PORTS)
    serving = always_serving(wanted, contract, bench.subject)
    knocks = bench.knocks = bench.witnesses.knocking.knock(wanted, serving)
    pods = [one.name for one in members]
    return (*refusals(knocks, wanted, pods=pods), *insiders(knocks, serving, pods=pods))


WITNESSES: Mapping[str, Callable[[Bench], Findings]] = {
    "platform": platform,
    "kiali": kiali,
    "prometheus": prometheus,
    "sidecars": sidecars,
    "refusal": refusal,
    "ports": ports,
    "traces": traces,
}
# What these demand of each pod and direction, only a round of ours is sure to do.
OF_ROUNDS = frozenset({"prometheus", "traces"})


def whole(bench: Bench, silent: Callable[[Exception], Findings] | None = None) -> Findings:
    """Let Ray work, and ask every witness what it saw: they are asked side by side, for most of it is waiting.

    Where nothing is driven, those are asked who judge whatever flows by itself. A witness that does not answer raises
    one of SILENT, unless `silent` says what to find then.
    """

    def ask(look: Callable[[Bench], Findings]) -> Findings:
        try:
            return look(bench)
        except SILENT as error:
            if silent is None:
                raise
            return silent(error)

    worked = work(bench)  # first: the others judge what it left
    left = looks_left(bench.unasked) - (frozenset() if bench.driven else OF_ROUNDS)
    with bench.one_look_inside(), ThreadPoolExecutor(HANDS) as pool:
        seen = list(pool.map(ask, [look for name, look in WITNESSES.items() if name in left]))
    return bench.asked((*worked, *(finding for findings in seen for finding in findings)))


def _microseconds(seconds: float) -> int:
    return int(seconds * 1_000_000)
