"""mTLS by Kiali on a recorded poll: green as it is, and red for the reason that was put in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raymesh.mesh.guide import NAMESPACE, PODS
from raymesh.observe import RATE_FLOOR
from raymesh.verdicts import Finding, mtls_by_kiali
from raymesh.verdicts.finding import names
from raymesh.witness.kiali import parse_graph, parse_tls, parse_validations, parse_workload
from tests.unit.recorded.recordings import Doctored, parsed
from tests.unit.verdicts.colour import red

GRAPH, WORKLOAD, TLS, ISTIO = "kiali-graph.json", "kiali-workload.json", "kiali-namespace-tls.json", "kiali-istio.json"
SIDECAR = "sidecar in each pod of the workload"
RATE = "gRPC traffic of the workload with itself"
MTLS = "the gRPC self-edge is mTLS"
IDENTITY = "SPIFFE identity at both ends"
LESSER = "no edge below 100 % mTLS"
LEAK = "nothing leaves the mesh"
DEMANDED = "mTLS is demanded in the namespace"
VALID = "Istio's configuration is valid"
STRANGER = "spiffe://cluster.local/ns/default/sa/default"


def judge(doctored: Doctored | None = None) -> tuple[Finding, ...]:
    return mtls_by_kiali(
        parsed(parse_graph, GRAPH, doctored),
        parsed(parse_workload, WORKLOAD, doctored),
        parsed(parse_tls, TLS, doctored),
        parsed(parse_validations, ISTIO, doctored),
        namespace=NAMESPACE,
        pods=PODS,
        rate_floor=RATE_FLOOR,
    )


def edge(protocol: str, change: Callable[[dict[str, Any]], object]) -> Doctored:
    def doctor(graph: Any) -> None:
        [data] = [e["data"] for e in graph["elements"]["edges"] if e["data"]["traffic"]["protocol"] == protocol]
        change(data)

    return Doctored(GRAPH, doctor)


def without_edges(*protocols: str) -> Doctored:
    def doctor(graph: Any) -> None:
        edges = graph["elements"]["edges"]
        edges[:] = [e for e in edges if e["data"]["traffic"]["protocol"] not in protocols]

    return Doctored(GRAPH, doctor)


def with_service(name: str) -> Doctored:
    node = {"id": "added", "nodeType": "service", "namespace": "unknown", "service": name}
    return Doctored(GRAPH, lambda graph: graph["elements"]["nodes"].append({"data": node}))


def pod(change: Callable[[dict[str, Any]], object]) -> Doctored:
    return Doctored(WORKLOAD, lambda workload: change(workload["pods"][1]))


def status(value: str) -> Doctored:
    return Doctored(TLS, lambda tls: tls.update(status=value))


def peer_authentication(**instead: object) -> Doctored:
    return Doctored(ISTIO, lambda istio: istio["validations"]["peerauthentication"]["default.default"].update(instead))


AN_ERROR = {"code": "KIA0501", "message": "m", "severity": "error", "path": "spec/mtls"}
DOCTORED: dict[str, tuple[Doctored, set[str]]] = {
    "99 % mTLS": (edge("grpc", lambda e: e.update(isMTLS="99")), {MTLS, LESSER}),
    "no mTLS": (edge("grpc", lambda e: e.pop("isMTLS")), {MTLS, LESSER}),
    "TCP at 99 %": (edge("tcp", lambda e: e.update(isMTLS="99")), {LESSER}),
    "TCP in plaintext": (edge("tcp", lambda e: e.pop("isMTLS")), {LESSER}),
    "no self-edge": (without_edges("grpc"), {RATE, MTLS, IDENTITY}),
    "no edges": (without_edges("grpc", "tcp"), {RATE, MTLS, IDENTITY, LESSER}),
    "seen as HTTP": (
        edge("grpc", lambda e: e.update(traffic={"protocol": "http", "rates": {"http": "21.62"}})),
        {RATE, MTLS, IDENTITY},
    ),
    "too little traffic": (edge("grpc", lambda e: e["traffic"]["rates"].update(grpc="0.99")), {RATE}),
    "another source": (edge("grpc", lambda e: e.update(sourcePrincipal=STRANGER)), {IDENTITY}),
    "another target": (edge("grpc", lambda e: e.update(destPrincipal=STRANGER)), {IDENTITY}),
    "no source": (edge("grpc", lambda e: e.pop("sourcePrincipal")), {IDENTITY}),
    "no target": (edge("grpc", lambda e: e.pop("destPrincipal")), {IDENTITY}),
    "PassthroughCluster": (with_service("PassthroughCluster"), {LEAK}),
    "BlackHoleCluster": (with_service("BlackHoleCluster"), {LEAK}),
    "no sidecar": (Doctored(WORKLOAD, lambda workload: workload.update(istioSidecar=False)), {SIDECAR}),
    "a pod less": (Doctored(WORKLOAD, lambda workload: workload["pods"].pop()), {SIDECAR}),
    "a pod without sidecar": (pod(lambda p: p.update(istioContainers=[])), {SIDECAR}),
    "a sidecar not ready": (pod(lambda p: p["istioContainers"][0].update(isReady=False)), {SIDECAR}),
    "permissive": (status("MTLS_PARTIALLY_ENABLED"), {DEMANDED}),
    "no policy": (status("MTLS_NOT_ENABLED"), {DEMANDED}),
    "disabled": (status("MTLS_DISABLED"), {DEMANDED}),
    "an error": (peer_authentication(valid=False, checks=[AN_ERROR]), {VALID}),
    "nothing validated": (Doctored(ISTIO, lambda istio: istio.update(validations={})), {VALID}),
}


def test_the_recording_is_green() -> None:
    findings = judge()
    assert red(findings) == set()
    figures = {key: value for f in findings for key, value in f.figures.items()}
    assert (figures["rate/s"], figures["mTLS %"], figures["edges"]) == (21.62, 100.0, 2)


@pytest.mark.parametrize("case", DOCTORED)
def test_each_doctored_copy_is_red_for_its_own_reason(case: str) -> None:
    doctored, reasons = DOCTORED[case]
    assert red(judge(doctored)) == reasons


def test_no_condition_was_forgotten() -> None:
    assert set().union(*(reasons for _, reasons in DOCTORED.values())) == names(judge())
