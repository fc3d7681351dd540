"""mTLS by Kiali on a recorded poll: green as it is, and red for the reason that was put in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raymesh.proof.looks import RATE_FLOOR
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
from raymesh.verdicts.kiali import KialiView, mtls_by_kiali
from raymesh.witness.kiali import parse_graph, parse_tls, parse_validations, parse_workload
from tests.unit.recorded.recordings import SUBJECT, Doctored, parsed
from tests.unit.verdicts.colour import red

GRAPH, WORKLOAD, TLS, ISTIO = "kiali-graph.json", "kiali-workload.json", "kiali-namespace-tls.json", "kiali-istio.json"
MESH = "kiali-mesh-tls.json"
IDENTITIES = SUBJECT.identities | {SUBJECT.spiffe("insider"), SUBJECT.spiffe("bearer")}
STRANGER = "spiffe://cluster.local/ns/default/sa/default"
ASKED = parsed(parse_graph, GRAPH).time + 1


def judge(doctored: Doctored | None = None) -> Findings:
    view = KialiView(
        graph=parsed(parse_graph, GRAPH, doctored),
        workload=parsed(parse_workload, WORKLOAD, doctored),
        tls=parsed(parse_tls, TLS, doctored),
        mesh=parsed(parse_tls, MESH, doctored),
        validations=parsed(parse_validations, ISTIO, doctored),
        asked=ASKED,
    )
    return mtls_by_kiali(
        view, namespace=SUBJECT.namespace, pods=SUBJECT.size, identities=IDENTITIES, rate_floor=RATE_FLOOR, driven=True
    )


def own(graph: Any) -> list[dict[str, Any]]:
    return [e["data"] for e in graph["elements"]["edges"] if e["data"]["source"] == e["data"]["target"]]


def edge(protocol: str, change: Callable[[dict[str, Any]], object]) -> Doctored:
    """Change the workload's edge with itself."""

    def doctor(graph: Any) -> None:
        [data] = [data for data in own(graph) if data["traffic"]["protocol"] == protocol]
        change(data)

    return Doctored(GRAPH, doctor)


def a_strangers(graph: Any) -> None:
    """Let another than those that are named stand at the far end of an edge at 100 %."""
    data = next(e["data"] for e in graph["elements"]["edges"] if e["data"]["source"] != e["data"]["target"])
    data["sourcePrincipal"] = "spiffe://evil/ns/default/sa/default"


def without_edges(*protocols: str) -> Doctored:
    def doctor(graph: Any) -> None:
        edges = graph["elements"]["edges"]
        edges[:] = [
            e for e in edges if e["data"] not in own(graph) or e["data"]["traffic"]["protocol"] not in protocols
        ]

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
DOCTORED: dict[str, tuple[Doctored, set[Verdict]]] = {
    "99 % mTLS": (edge("grpc", lambda e: e.update(isMTLS="99")), {KIALI_MTLS, KIALI_EDGES}),
    "no mTLS": (edge("grpc", lambda e: e.pop("isMTLS")), {KIALI_MTLS, KIALI_EDGES}),
    "TCP at 99 %": (edge("tcp", lambda e: e.update(isMTLS="99")), {KIALI_MTLS, KIALI_EDGES}),
    "TCP in plaintext": (edge("tcp", lambda e: e.pop("isMTLS")), {KIALI_MTLS, KIALI_EDGES}),
    "no gRPC self-edge": (without_edges("grpc"), {KIALI_RATE, KIALI_ERRORS}),
    "no self-edges": (without_edges("grpc", "tcp"), {KIALI_RATE, KIALI_ERRORS, KIALI_MTLS}),
    "seen as HTTP": (
        edge("grpc", lambda e: e.update(traffic={"protocol": "http", "rates": {"http": "21.62"}})),
        {KIALI_RATE, KIALI_ERRORS},
    ),
    "too little traffic": (edge("grpc", lambda e: e["traffic"]["rates"].update(grpc="0.99")), {KIALI_RATE}),
    "95 % fail": (edge("grpc", lambda e: e["traffic"]["rates"].update(grpcPercentErr="95.0")), {KIALI_ERRORS}),
    "another source": (edge("grpc", lambda e: e.update(sourcePrincipal=STRANGER)), {KIALI_IDENTITIES}),
    "another target": (edge("tcp", lambda e: e.update(destPrincipal=STRANGER)), {KIALI_IDENTITIES}),
    "no source": (edge("grpc", lambda e: e.pop("sourcePrincipal")), {KIALI_IDENTITIES}),
    "a stranger's edge": (Doctored(GRAPH, a_strangers), {KIALI_IDENTITIES}),
    "PassthroughCluster": (with_service("PassthroughCluster"), {KIALI_LEAKS}),
    "InboundPassthroughCluster": (with_service("InboundPassthroughCluster"), {KIALI_LEAKS}),
    "BlackHoleCluster": (with_service("BlackHoleCluster"), {KIALI_LEAKS}),
    "stale": (Doctored(GRAPH, lambda graph: graph.update(timestamp=graph["timestamp"] - 86400)), {KIALI_FRESH}),
    "no sidecar": (Doctored(WORKLOAD, lambda workload: workload.update(istioSidecar=False)), {KIALI_SIDECARS}),
    "a pod less": (Doctored(WORKLOAD, lambda workload: workload["pods"].pop()), {KIALI_SIDECARS}),
    "a pod without sidecar": (pod(lambda p: p.update(istioContainers=[])), {KIALI_SIDECARS}),
    "a sidecar not ready": (pod(lambda p: p["istioContainers"][0].update(isReady=False)), {KIALI_SIDECARS}),
    "permissive": (status("MTLS_PARTIALLY_ENABLED"), {KIALI_TLS}),
    "no policy": (status("MTLS_NOT_ENABLED"), {KIALI_TLS}),
    "disabled": (status("MTLS_DISABLED"), {KIALI_TLS}),
    "no automatic mTLS": (Doctored(TLS, lambda tls: tls.update(autoMTLSEnabled=False)), {KIALI_TLS}),
    "a mesh of TLS 1.2": (Doctored(MESH, lambda tls: tls.update(minTLS="TLSV1_2")), {KIALI_TLS}),
    "an error": (peer_authentication(valid=False, checks=[AN_ERROR]), {KIALI_VALID}),
    "nothing validated": (Doctored(ISTIO, lambda istio: istio.update(validations={})), {KIALI_VALID}),
}


def test_the_recording_is_green() -> None:
    findings = judge()
    assert red(findings) == set()
    figures = {key: value for f in findings for key, value in f.figures.items()}
    assert (figures["rate/s"], figures["mTLS %"], figures["edges"]) == (18.87, 100.0, 5)


@pytest.mark.parametrize("case", DOCTORED)
def test_each_doctored_copy_is_red_for_its_own_reason(case: str) -> None:
    doctored, reasons = DOCTORED[case]
    assert red(judge(doctored)) == reasons


def test_no_condition_was_forgotten() -> None:
    assert set().union(*(reasons for _, reasons in DOCTORED.values())) == verdicts_of(judge())
