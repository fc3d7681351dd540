"""mTLS by Kiali: green on what a healthy mesh shows, red on each way in which it may not be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from raymesh.verdicts import Finding, mtls_by_kiali
from raymesh.verdicts.finding import names
from raymesh.witness.kiali import Check, Edge, Graph, Node, Pod, Tls, Validations, Workload
from tests.unit.verdicts.colour import red

SPIFFE = "spiffe://cluster.local/ns/default/sa/default"
RAY = Node("workload", "default", "raycluster-istio", "")
SELF_EDGE = Edge(RAY, RAY, "grpc", 12.0, 100.0, SPIFFE, SPIFFE)
TCP_EDGE = replace(SELF_EDGE, protocol="tcp", rate=900.0)


@dataclass(frozen=True)
class Seen:
    """All that Kiali says in one poll."""

    graph: Graph
    workload: Workload
    tls: Tls
    validations: Validations

    def judge(self) -> tuple[Finding, ...]:
        return mtls_by_kiali(
            self.graph, self.workload, self.tls, self.validations, namespace="default", pods=2, rate_floor=5.0
        )


HEALTHY = Seen(  # built by hand to be so
    Graph(1790000000, 60, (RAY,), (SELF_EDGE, TCP_EDGE)),
    Workload("raycluster-istio", "RayCluster", True, (Pod("head", "default", True), Pod("worker", "default", True))),
    Tls("MTLS_ENABLED", True, "TLSV1_3"),
    Validations(("peerauthentication/default.default",), ()),
)


def with_edges(*edges: Edge) -> Seen:
    return replace(HEALTHY, graph=replace(HEALTHY.graph, edges=edges))


def with_node(node: Node) -> Seen:
    edge = replace(SELF_EDGE, target=node)
    return replace(HEALTHY, graph=replace(HEALTHY.graph, nodes=(RAY, node), edges=(SELF_EDGE, edge)))


def test_a_healthy_mesh_is_green() -> None:
    findings = HEALTHY.judge()
    assert red(findings) == set()
    figures = {key: value for f in findings for key, value in f.figures.items()}
    assert (figures["rate/s"], figures["mTLS %"], figures["pods"]) == (12.0, 100.0, 2)


def test_no_data_is_red_everywhere() -> None:
    nothing = Seen(
        Graph(0, 60, (), ()),
        Workload("raycluster-istio", "RayCluster", True, ()),
        Tls("MTLS_NOT_ENABLED", True, "N/A"),
        Validations((), ()),
    )
    assert red(nothing.judge()) == names(nothing.judge())


SIDECAR = "sidecar in each pod of the workload"
RATE = "gRPC traffic of the workload with itself"
MTLS = "the gRPC self-edge is mTLS"
IDENTITY = "SPIFFE identity at both ends"
LESSER = "no edge below 100 % mTLS"
LEAK = "nothing leaves the mesh"
PODS = HEALTHY.workload.pods
DOCTORED: dict[str, tuple[Seen, set[str]]] = {
    "workload without sidecar": (replace(HEALTHY, workload=replace(HEALTHY.workload, sidecar=False)), {SIDECAR}),
    "sidecar not ready": (
        replace(HEALTHY, workload=replace(HEALTHY.workload, pods=(PODS[0], replace(PODS[1], sidecar_ready=False)))),
        {SIDECAR},
    ),
    "a pod is missing": (replace(HEALTHY, workload=replace(HEALTHY.workload, pods=PODS[:1])), {SIDECAR}),
    "no self-edge": (with_edges(TCP_EDGE), {RATE, MTLS, IDENTITY}),
    "self-edge of another namespace": (
        with_edges(replace(SELF_EDGE, target=replace(RAY, namespace="other")), TCP_EDGE),
        {RATE, MTLS, IDENTITY},
    ),
    "edge to a service instead of itself": (
        with_edges(replace(SELF_EDGE, target=replace(RAY, kind="service")), TCP_EDGE),
        {RATE, MTLS, IDENTITY},
    ),
    "too little traffic": (with_edges(replace(SELF_EDGE, rate=4.9), TCP_EDGE), {RATE}),
    "99 % mTLS": (with_edges(replace(SELF_EDGE, mtls_percent=99.0), TCP_EDGE), {MTLS, LESSER}),
    "no mTLS": (with_edges(replace(SELF_EDGE, mtls_percent=0.0), TCP_EDGE), {MTLS, LESSER}),
    "no source principal": (with_edges(replace(SELF_EDGE, source_principal=""), TCP_EDGE), {IDENTITY}),
    "unknown target principal": (with_edges(replace(SELF_EDGE, target_principal="unknown"), TCP_EDGE), {IDENTITY}),
    "principal of a stranger": (
        with_edges(replace(SELF_EDGE, source_principal="spiffe://cluster.local/ns/other/sa/default"), TCP_EDGE),
        {IDENTITY},
    ),
    "another edge in plaintext": (with_edges(SELF_EDGE, replace(TCP_EDGE, mtls_percent=0.0)), {LESSER}),
    "a stranger's plaintext edge": (
        with_edges(SELF_EDGE, replace(SELF_EDGE, source=Node("unknown", "unknown", "", ""), mtls_percent=0.0)),
        {LESSER},
    ),
    "PassthroughCluster": (with_node(Node("service", "unknown", "", "PassthroughCluster")), {LEAK}),
    "BlackHoleCluster": (with_node(Node("service", "unknown", "", "BlackHoleCluster")), {LEAK}),
    "permissive namespace": (
        replace(HEALTHY, tls=Tls("MTLS_PARTIALLY_ENABLED", True, "TLSV1_3")),
        {"mTLS is demanded in the namespace"},
    ),
    "an error in Istio's configuration": (
        replace(HEALTHY, validations=replace(HEALTHY.validations, checks=(Check("x", "KIA0505", "error", "m"),))),
        {"Istio's configuration is valid"},
    ),
    "no object validated": (replace(HEALTHY, validations=Validations((), ())), {"Istio's configuration is valid"}),
}


@pytest.mark.parametrize("case", DOCTORED)
def test_each_doctored_copy_is_red_for_its_own_reason(case: str) -> None:
    seen, reasons = DOCTORED[case]
    assert red(seen.judge()) == reasons


def test_a_warning_is_no_error() -> None:
    remark = Check("x", "KIA0101", "warning", "m")
    assert red(replace(HEALTHY, validations=replace(HEALTHY.validations, checks=(remark,))).judge()) == set()


def test_a_floor_of_nothing_proves_nothing() -> None:
    seen = HEALTHY
    findings = mtls_by_kiali(
        seen.graph, seen.workload, seen.tls, seen.validations, namespace="default", pods=2, rate_floor=0
    )
    assert red(findings) == {RATE}
