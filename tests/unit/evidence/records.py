"""Records to render and to send round: one of each colour, and any that the schema allows."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from raymesh.evidence.record import (
    Failure,
    FaultRun,
    Images,
    Judgement,
    LaneAsked,
    PlatformUsed,
    ProxySeen,
    Record,
    Red,
    SharedSource,
    SubjectGroup,
    SubjectPod,
    SubjectPort,
    SubjectProven,
    TakenOut,
    VersionSeen,
)
from raymesh.evidence.sights import (
    CallsSeen,
    ClientSeen,
    ContainerSeen,
    EdgeSeen,
    MethodSeen,
    PortSeen,
    ReceivedSeen,
    ServiceSeen,
    SidecarSeen,
    Sights,
    SpanSeen,
    SpansSeen,
    TraceSeen,
)
from raymesh.progress import Timing
from raymesh.verdicts import catalog
from raymesh.verdicts.catalog import VERDICTS, Verdict

PLAINTEXT, CHAINS, EDGES = catalog.PLAINTEXT_REFUSED, catalog.CHAINS, catalog.KIALI_EDGES
POD = "ray-head-x"


def judgement(verdict: Verdict, *, ok: bool = True, about: str = "", test: str = "test_refusal") -> Judgement:
    seen = "reset: 12" if ok else "answered: 12"
    return Judgement(test, verdict.id, about, ok, "reset", seen, verdict.sources[0], {"ports": 12})


def fault(*red: Verdict, expected: tuple[Verdict, ...] = (PLAINTEXT, CHAINS), **other: object) -> FaultRun:
    whole = FaultRun(
        "permissive",
        "PERMISSIVE in the namespace",
        "policy",
        tuple(verdict.id for verdict in expected),
        tuple(Red(verdict.id, POD, "answered", verdict.sources[0]) for verdict in red),
        seconds_to_red=12.0,
        seconds_to_green=34.5,
        mended=True,
    )
    return replace(whole, **other)  # type: ignore[arg-type]  # each caller names a field


EMPTY = Record("2026-01-02T03:04:05Z", "0.1.0", {})
GREEN = Record(
    started="2026-01-02T03:04:05Z",
    raymesh="0.1.0",
    options={"lane": "seed"},
    ended="2026-01-02T03:09:05Z",
    status="passed",
    lane=LaneAsked("seed", {"istio": "1.2.3", "ray": "2.10.0"}, {"istio": "1.2.4"}),
    images=Images("build", {"sidecar": "localhost/raymesh/sidecar:9"}),
    versions=(VersionSeen("istiod", "1.2.4", ""), VersionSeen("kubelet", "1.0", "node-1")),
    proxies=(ProxySeen(POD, "stock Envoy", "9.9"), ProxySeen("ray-worker-y", "stock Envoy", "9.9")),
    platform=PlatformUsed("kind", "1.0", ("node-1",), "private Docker engine"),
    subject=SubjectProven(
        kind="RayCluster",
        name="ray",
        namespace="team-a",
        headless_service="ray-headless",
        head_service="ray-head-svc",
        tracing_service="ray.team-a",
        ray="2.10.0",
        groups=(SubjectGroup("headgroup", 1), SubjectGroup("small", 1)),
        service_accounts=("default",),
        pods=(SubjectPod(POD, "head", "headgroup", "10-0-0-1.ray-headless"),),
        ports=(SubjectPort("worker-ports", 10002, 10012, "grpc", "grpc", ("head",), ("head->worker",), "headless"),),
    ),
    witnesses=("Envoy", "probe"),
    independence=(SharedSource("Prometheus", ("Kiali", "Prometheus"), ""),),
    verdicts=tuple(VERDICTS.values()),
    not_asked={catalog.KNOWN.id: "--without jaeger", catalog.PEERS.id: "--without jaeger"},
    excused={catalog.HELD.id: "it is about the looking"},
    phases=(
        Timing("mesh", 30.0, 12.25, True),
        Timing("cluster", 0.0, 30.0, True),
        Timing("kuberay", 31.0, 9.0, False),
    ),
    judgements=(judgement(PLAINTEXT), judgement(CHAINS, about=POD, test="test_sidecars")),
    faults=(fault(PLAINTEXT, CHAINS),),
    notes=("the cluster was kept",),
    redacted=(TakenOut("env value", 3),),
)
RED = replace(
    GREEN,
    status="failed",
    judgements=(*GREEN.judgements, judgement(EDGES, ok=False, test="test_kiali")),
    failures=(
        Failure("test_kiali", "call", "AssertionError"),
        Failure("test_job", "setup", "WaitTimeout: the job\nlast seen: PENDING"),
    ),
)
SPIFFE = "spiffe://cluster.local/ns/team-a/sa/ray"
SIGHTS = Sights(
    taken="2026-01-02T03:09:04Z",
    edges=(
        EdgeSeen("ray.team-a", "ray.team-a", "grpc", 41.5, 0.0, 100.0, SPIFFE, SPIFFE),
        EdgeSeen("stranger.team-b", "ray.team-a", "http", 0.5, 12.0, 40.0, "", SPIFFE),
    ),
    ports=(
        PortSeen(
            "head",
            10002,
            "worker-ports",
            "grpc",
            "headless",
            "grpc",
            pods=1,
            listens=1,
            held_by=("raylet",),
            asked=1,
            mtls=1,
            seen_as=("grpc",),
            crosses=("worker->head",),
            crossed=("worker->head",),
            calls=42,
            knocks=5,
            refused=5,
        ),
        PortSeen("head", 9999, "", "", "none", "", 1, 1, ("nc",), 1, 0, (), (), (), 0, 5, 4),
    ),
    clients=(ClientSeen("plaintext", "closed or reset before any byte", 2, 1, {"reset": 1, "HTTP 200": 1}),),
    calls=(CallsSeen(POD, "ray-worker-y", "grpc", 42, 1),),
    methods=(MethodSeen("worker-ports", "/ray.rpc.A/B", ("head->worker",), 42, 1, 1500, 9000, 12345),),
    traces=(
        TraceSeen(
            *("abc", "worker-ports", "head->worker"),
            spans=(
                SpanSeen(POD, "client", "/ray.rpc.A/B", 10002, "ray-headless", 0, 1500, "0", "-"),
                SpanSeen("ray-worker-y", "server", "/ray.rpc.A/B", None, "", 300, 900, "0", "UF"),
            ),
        ),
    ),
    sidecars=(SidecarSeen(POD, 12345678, 23456789, 25, 43, 1200, 5400, 890.5, {"TLSv1.3": 77}),),
    received=(ReceivedSeen(POD, "grpc", "mutual_tls", SPIFFE, 5475), ReceivedSeen(POD, "tcp", "none", "", 1)),
    missing={"Jaeger": "no answer in 20 s"},
    services=(
        ServiceSeen("ray-head-svc", "RayCluster", False, ("6379 gcs-server TCP, tcp",)),
        ServiceSeen("ray-headless", "", True, ("6380 node-manager TCP, grpc",)),
    ),
    containers=(
        ContainerSeen("head", "istio-proxy", "container", ("readiness: httpGet :15021/healthz/ready, every 15 s",), ()),
        ContainerSeen("head", "ray-head", "container", (), ("--head", "--port=6379")),
    ),
    spans=SpansSeen(("ray.team-a",), ("ray-headless:6380/*",), ("grpc.path", "grpc.status_code")),
)
SEEN = replace(RED, sights=SIGHTS)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
IDS = st.sampled_from(sorted(VERDICTS))
TIME = st.datetimes().map(lambda moment: f"{moment.replace(microsecond=0).isoformat()}Z")
SECONDS = st.floats(0, 1e6) | st.integers(0, 10**6)
COUNT = st.integers(0, 10**6)
PORT = st.none() | st.integers(1, 65535)
FIGURE = TEXT | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def tuples(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=3).map(tuple)


def mappings(
    of: st.SearchStrategy[object], keys: st.SearchStrategy[str] = TEXT
) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(keys, of, max_size=3)


RUNS = st.builds(
    FaultRun,
    fault=NAME,
    title=TEXT,
    family=TEXT,
    expected=tuples(IDS),
    red=tuples(st.builds(Red, IDS, TEXT, TEXT, TEXT)),
    seconds_to_red=st.none() | SECONDS,
    seconds_to_green=st.none() | SECONDS,
    mended=st.booleans(),
    problem=TEXT,
)
SUBJECTS = st.builds(
    SubjectProven,
    *(NAME, NAME, NAME, TEXT, TEXT, TEXT, TEXT),
    groups=tuples(st.builds(SubjectGroup, NAME, COUNT)),
    service_accounts=tuples(NAME),
    pods=tuples(st.builds(SubjectPod, NAME, st.sampled_from(["head", "worker"]), TEXT, TEXT)),
    ports=tuples(st.builds(SubjectPort, NAME, PORT, PORT, TEXT, TEXT, tuples(TEXT), tuples(TEXT), TEXT)),
)
NUMBER = st.integers(1, 65535)
PERCENT = st.floats(0, 100)
COUNTS = mappings(COUNT)
SIGHTS_SEEN = st.builds(
    Sights,
    taken=TIME,
    edges=tuples(st.builds(EdgeSeen, TEXT, TEXT, TEXT, SECONDS, PERCENT, PERCENT, TEXT, TEXT)),
    ports=tuples(
        st.builds(
            PortSeen,
            *(TEXT, NUMBER, TEXT, TEXT, TEXT, TEXT, COUNT, COUNT, tuples(TEXT), COUNT, COUNT),
            *(tuples(TEXT), tuples(TEXT), tuples(TEXT), COUNT, COUNT, COUNT),
        )
    ),
    clients=tuples(st.builds(ClientSeen, TEXT, TEXT, COUNT, COUNT, COUNTS)),
    calls=tuples(st.builds(CallsSeen, TEXT, TEXT, TEXT, COUNT, COUNT)),
    methods=tuples(st.builds(MethodSeen, TEXT, TEXT, tuples(TEXT), COUNT, COUNT, COUNT, COUNT, COUNT)),
    traces=tuples(
        st.builds(
            TraceSeen,
            *(TEXT, TEXT, TEXT),
            spans=tuples(st.builds(SpanSeen, TEXT, TEXT, TEXT, PORT, TEXT, COUNT, COUNT, TEXT, TEXT)),
        )
    ),
    sidecars=tuples(st.builds(SidecarSeen, TEXT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, SECONDS, COUNTS)),
    received=tuples(st.builds(ReceivedSeen, TEXT, TEXT, TEXT, TEXT, COUNT)),
    missing=mappings(NAME),
    services=tuples(st.builds(ServiceSeen, NAME, TEXT, st.booleans(), tuples(TEXT))),
    containers=tuples(st.builds(ContainerSeen, TEXT, NAME, TEXT, tuples(TEXT), tuples(TEXT))),
    spans=st.none() | st.builds(SpansSeen, tuples(TEXT), tuples(TEXT), tuples(TEXT)),
)
RECORDS = st.builds(
    Record,
    started=TIME,
    raymesh=NAME,
    options=mappings(TEXT),
    ended=st.none() | TIME,
    status=st.sampled_from(["passed", "failed", "interrupted", "incomplete"]),
    lane=st.none() | st.builds(LaneAsked, NAME, mappings(TEXT), mappings(TEXT)),
    images=st.none()
    | st.builds(Images, st.sampled_from(["pull", "build"]), mappings(TEXT), mappings(TEXT), mappings(TEXT), TEXT),
    versions=tuples(st.builds(VersionSeen, NAME, TEXT, TEXT)),
    proxies=tuples(st.builds(ProxySeen, NAME, TEXT, TEXT)),
    platform=st.none() | st.builds(PlatformUsed, NAME, TEXT, tuples(NAME), TEXT),
    subject=st.none() | SUBJECTS,
    witnesses=tuples(NAME),
    independence=tuples(st.builds(SharedSource, NAME, tuples(NAME), TEXT)),
    verdicts=tuples(st.sampled_from(list(VERDICTS.values()))),
    not_asked=mappings(NAME, IDS),
    excused=mappings(NAME, IDS),
    phases=tuples(st.builds(Timing, NAME, SECONDS, SECONDS, st.booleans())),
    judgements=tuples(st.builds(Judgement, NAME, IDS, TEXT, st.booleans(), TEXT, TEXT, TEXT, mappings(FIGURE))),
    faults=tuples(RUNS),
    failures=tuples(st.builds(Failure, NAME, st.sampled_from(["setup", "call", "teardown"]), TEXT)),
    notes=tuples(TEXT),
    redacted=tuples(st.builds(TakenOut, NAME, COUNT)),
    sights=st.none() | SIGHTS_SEEN,
)
