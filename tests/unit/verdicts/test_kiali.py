"""mTLS by Kiali: green on what a healthy mesh shows, red on each way in which it may not be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raymesh.verdicts.catalog import (
    KIALI_EDGES,
    KIALI_ERRORS,
    KIALI_FRESH,
    KIALI_IDENTITIES,
    KIALI_LEAKS,
    KIALI_MTLS,
    KIALI_RATE,
    KIALI_SIDECARS,
    KIALI_TLS,
    KIALI_VALID,
    Verdict,
)
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.verdicts.kiali import LEAKS, KialiView, mtls_by_kiali
from raymesh.witness.kiali import Check, Edge, Graph, Node, Pod, Tls, Validations, Workload
from tests.unit.verdicts.built_subject import NAMES, SPIFFE
from tests.unit.verdicts.colour import red

NOW = 1790000000
RAY = Node("workload", "default", "raycluster-istio", "")
STRANGER = Node("workload", "default", "stranger", "")
SELF_EDGE = Edge(RAY, RAY, "grpc", 12.0, 0.0, 100.0, SPIFFE, SPIFFE)
TCP_EDGE = replace(SELF_EDGE, protocol="tcp", rate=900.0)
PODS = tuple(Pod(name, "default", sidecar_ready=True) for name in NAMES)
HEALTHY = KialiView(  # built by hand to be so
    graph=Graph(NOW, 20, (RAY,), (SELF_EDGE, TCP_EDGE)),
    workload=Workload("raycluster-istio", "RayCluster", True, PODS),
    tls=Tls("MTLS_ENABLED", True, ""),
    mesh=Tls("MTLS_ENABLED", True, "TLSV1_3"),
    validations=Validations(("peerauthentication/default.default",), ()),
    asked=NOW + 1,
)


def judge(view: KialiView, floor: float = 5.0, *, driven: bool = True) -> Findings:
    return mtls_by_kiali(
        view, namespace="default", pods=len(NAMES), identities={SPIFFE}, rate_floor=floor, driven=driven
    )


def test_how_many_calls_fail_is_judged_of_calls_that_were_driven_alone() -> None:
    view = with_edges(replace(SELF_EDGE, failed_percent=84.2), TCP_EDGE)
    asked = {finding.verdict for finding in judge(view)}
    beside = judge(view, driven=False)
    assert red(beside) == set()
    assert asked - {finding.verdict for finding in beside} == {KIALI_ERRORS}


def with_edges(*edges: Edge) -> KialiView:
    return replace(HEALTHY, graph=replace(HEALTHY.graph, edges=edges))


def with_stranger(**more: object) -> KialiView:
    edge = replace(SELF_EDGE, source=STRANGER, **more)  # type: ignore[arg-type]  # by name
    return with_edges(SELF_EDGE, TCP_EDGE, edge)


def with_pods(*pods: Pod) -> KialiView:
    return replace(HEALTHY, workload=replace(HEALTHY.workload, pods=pods))


def test_a_healthy_mesh_is_green() -> None:
    findings = judge(HEALTHY)
    assert red(findings) == set()
    figures = {key: value for f in findings for key, value in f.figures.items()}
    assert (figures["rate/s"], figures["mTLS %"], figures["pods"], figures["age s"]) == (12.0, 100.0, 3, 1)


def test_no_data_is_red_everywhere() -> None:
    nothing = KialiView(
        Graph(0, 60, (), ()),
        Workload("raycluster-istio", "RayCluster", True, ()),
        Tls("MTLS_NOT_ENABLED", True, "N/A"),
        Tls("MTLS_NOT_ENABLED", True, "N/A"),
        Validations((), ()),
        NOW,
    )
    assert red(judge(nothing)) == verdicts_of(judge(nothing))


NO_CALLS = {KIALI_RATE, KIALI_ERRORS}


def checked(*checks: Check) -> KialiView:
    """Return the healthy view with these remarks of Kiali's on Istio's objects."""
    return replace(HEALTHY, validations=replace(HEALTHY.validations, checks=checks))


DOCTORED: dict[str, tuple[KialiView, set[Verdict]]] = {
    "workload without sidecar": (
        replace(HEALTHY, workload=replace(HEALTHY.workload, sidecar=False)),
        {KIALI_SIDECARS},
    ),
    "one sidecar not ready": (with_pods(*PODS[:2], replace(PODS[2], sidecar_ready=False)), {KIALI_SIDECARS}),
    "a pod is missing": (with_pods(*PODS[:2]), {KIALI_SIDECARS}),
    "a pod too many": (with_pods(*PODS, replace(PODS[2], name="other")), {KIALI_SIDECARS}),
    "no gRPC self-edge": (with_edges(TCP_EDGE), NO_CALLS),
    "too little traffic": (with_edges(replace(SELF_EDGE, rate=4.9), TCP_EDGE), {KIALI_RATE}),
    "99 % mTLS": (with_edges(replace(SELF_EDGE, mtls_percent=99.0), TCP_EDGE), {KIALI_MTLS, KIALI_EDGES}),
    "no mTLS": (with_edges(replace(SELF_EDGE, mtls_percent=0.0), TCP_EDGE), {KIALI_MTLS, KIALI_EDGES}),
    "TCP in plaintext": (with_edges(SELF_EDGE, replace(TCP_EDGE, mtls_percent=0.0)), {KIALI_MTLS, KIALI_EDGES}),
    "no source principal": (with_edges(replace(SELF_EDGE, source_principal=""), TCP_EDGE), {KIALI_IDENTITIES}),
    "unknown target": (with_edges(replace(SELF_EDGE, target_principal="unknown"), TCP_EDGE), {KIALI_IDENTITIES}),
    "a stranger's edge at 100 %": (with_stranger(source_principal="spiffe://evil/sa/default"), {KIALI_IDENTITIES}),
    "a call to a stranger at 100 %": (
        with_edges(SELF_EDGE, TCP_EDGE, replace(SELF_EDGE, target=STRANGER, target_principal="spiffe://evil")),
        {KIALI_IDENTITIES},
    ),
    "a stranger's plaintext edge": (with_stranger(mtls_percent=0.0, source_principal=""), {KIALI_EDGES}),
    "95 % of the calls fail": (with_edges(replace(SELF_EDGE, failed_percent=95.0), TCP_EDGE), {KIALI_ERRORS}),
    "permissive namespace": (replace(HEALTHY, tls=Tls("MTLS_PARTIALLY_ENABLED", True, "")), {KIALI_TLS}),
    "no automatic mTLS": (replace(HEALTHY, tls=Tls("MTLS_ENABLED", False, "")), {KIALI_TLS}),
    "a mesh of TLS 1.0": (replace(HEALTHY, mesh=Tls("MTLS_ENABLED", True, "TLSV1_0")), {KIALI_TLS}),
    "a mesh without minimum": (replace(HEALTHY, mesh=Tls("MTLS_ENABLED", True, "N/A")), {KIALI_TLS}),
    "an error in Istio's configuration": (
        checked(Check("peerauthentication/x.default", "KIA0505", "error", "m")),
        {KIALI_VALID},
    ),
    "an error in the mesh's own configuration": (
        checked(Check("virtualservice/x.istio-system", "KIA1102", "error", "m")),
        {KIALI_VALID},
    ),
    "another namespace's objects alone": (
        replace(HEALTHY, validations=Validations(("peerauthentication/default.other",), ())),
        {KIALI_VALID},
    ),
    "no object validated": (replace(HEALTHY, validations=Validations((), ())), {KIALI_VALID}),
    "a graph of three days ago": (replace(HEALTHY, asked=NOW + 3 * 86400), {KIALI_FRESH}),
    "a graph of the future": (replace(HEALTHY, asked=NOW - 3600), {KIALI_FRESH}),
    **{
        f"{leak}, as a service": (
            replace(HEALTHY, graph=replace(HEALTHY.graph, nodes=(RAY, Node("service", "unknown", "", leak)))),
            {KIALI_LEAKS},
        )
        for leak in LEAKS
    },
}


@pytest.mark.parametrize("case", DOCTORED)
def test_each_doctored_copy_is_red_for_its_own_reason(case: str) -> None:
    view, reasons = DOCTORED[case]
    assert red(judge(view)) == reasons


@pytest.mark.parametrize("instead", [{"namespace": "other"}, {"kind": "service"}])
def test_an_edge_to_another_is_no_self_edge(instead: dict[str, str]) -> None:
    target = replace(RAY, **instead)
    assert red(judge(with_edges(replace(SELF_EDGE, target=target)))) == {*NO_CALLS, KIALI_MTLS}


def test_a_warning_is_no_error() -> None:
    assert red(judge(checked(Check("virtualservice/x.default", "KIA0101", "warning", "m")))) == set()


@pytest.mark.parametrize("namespace", ["other", "my-default", "not-istio-system"])
def test_an_error_of_another_namespace_is_not_ours(namespace: str) -> None:
    assert red(judge(checked(Check(f"virtualservice/x.{namespace}", "KIA1102", "error", "m")))) == set()


def test_a_floor_of_nothing_proves_nothing() -> None:
    assert red(judge(HEALTHY, floor=0)) == {KIALI_RATE}
