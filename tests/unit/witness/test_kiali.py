"""Kiali's answers become models, and what is unknown is refused."""

from __future__ import annotations

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.kiali import (
    Check,
    Node,
    Pod,
    parse_graph,
    parse_status,
    parse_tls,
    parse_validations,
    parse_workload,
)
from tests.unit.witness.builders import SPIFFE, Doc, built_edge, built_graph, built_node, text


def built_workload(**more: object) -> Doc:
    proxy = {"name": "istio-proxy", "image": "proxyv2", "isProxy": True, "isReady": True}
    pod = {"name": "raycluster-istio-head-x7k2p", "serviceAccountName": "default", "istioContainers": [proxy]}
    return {"name": "raycluster-istio", "type": "RayCluster", "istioSidecar": True, "pods": [pod], **more}


def built_validations(**check: str) -> Doc:
    checks = [{"code": "KIA0505", "message": "no DestinationRule", "severity": "error", "path": "", **check}]
    validation = {"name": "default", "objectType": "peerauthentication", "valid": not check, "references": None}
    return {
        "validations": {"peerauthentication": {"default.default": validation | {"checks": checks if check else []}}}
    }


def test_a_graph_has_edges_between_its_nodes() -> None:
    graph = parse_graph(text(built_graph()))
    ray = Node("workload", "default", "raycluster-istio", "")
    (edge,) = graph.edges
    assert (graph.time, graph.seconds, graph.nodes) == (1790000000, 60, (ray,))
    assert (edge.source, edge.target, edge.protocol, edge.rate) == (ray, ray, "grpc", 12.34)
    assert (edge.mtls_percent, edge.source_principal, edge.target_principal) == (100.0, SPIFFE, SPIFFE)
    assert str(edge) == "raycluster-istio.default -> raycluster-istio.default (grpc)"


def test_an_edge_without_the_mtls_key_has_none() -> None:
    edge = built_edge()
    del edge["data"]["isMTLS"]
    assert parse_graph(text(built_graph(edges=[edge]))).edges[0].mtls_percent == 0.0


def test_an_idle_edge_has_no_protocol_and_no_rate() -> None:
    edge = parse_graph(text(built_graph(edges=[built_edge(traffic={})]))).edges[0]
    assert (edge.protocol, edge.rate) == ("", 0.0)


def test_a_node_without_workload_is_named_by_its_service_or_kind() -> None:
    nodes = [built_node("PassthroughCluster", "service"), built_node("unknown", "unknown")]
    assert [n.name for n in parse_graph(text(built_graph(nodes, []))).nodes] == ["PassthroughCluster", "unknown"]


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (built_graph([built_node(nodeType="mesh")], []), r"nodes\[0\]\.data\.nodeType: wants one of .*has 'mesh'"),
        (built_graph(edges=[built_edge(isMTLS="1.5e3")]), r"isMTLS: wants a percentage"),
        (built_graph(edges=[built_edge(isMTLS="0")]), r"isMTLS: wants a percentage"),
        (built_graph(edges=[built_edge(isMTLS="yes")]), r"isMTLS: wants a number, has 'yes'"),
        (built_graph(edges=[built_edge(protocol="quic")]), r"protocol: wants one of .*has 'quic'"),
        (
            built_graph(edges=[built_edge(target="gone")]),
            r"target: wants the id of a node of this graph, has 'id-gone'",
        ),
        (built_graph() | {"graphType": "app"}, r"graphType: wants one of"),
        ({"error": "Namespace not accessible"}, r"wants an object with the key 'graphType', has .*not accessible"),
    ],
)
def test_an_unknown_graph_is_unreadable(graph: Doc, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        parse_graph(text(graph))


def test_a_workload_says_which_pods_have_a_sidecar() -> None:
    workload = parse_workload(text(built_workload()))
    assert workload.sidecar
    assert workload.pods == (Pod("raycluster-istio-head-x7k2p", "default", sidecar_ready=True),)


def test_a_pod_without_sidecar_containers_has_no_ready_sidecar() -> None:
    bare = built_workload()["pods"][0] | {"istioContainers": None}
    assert not parse_workload(text(built_workload(pods=[bare]))).pods[0].sidecar_ready


def test_a_workload_without_pods_has_none() -> None:
    assert parse_workload(text(built_workload(pods=None))).pods == ()


def test_tls_status_is_one_that_kiali_knows() -> None:
    tls = parse_tls('{"status": "MTLS_ENABLED", "autoMTLSEnabled": true, "minTLS": "TLSV1_3"}')
    assert (tls.status, tls.auto, tls.minimum) == ("MTLS_ENABLED", True, "TLSV1_3")
    with pytest.raises(Unreadable, match=r"kiali tls\.status: wants one of .*has 'STRICT'"):
        parse_tls('{"status": "STRICT", "autoMTLSEnabled": true, "minTLS": ""}')


def test_validations_name_object_and_remark() -> None:
    healthy = parse_validations(text(built_validations()))
    assert (healthy.objects, healthy.checks) == (("peerauthentication/default.default",), ())
    (check,) = parse_validations(text(built_validations(severity="error"))).checks
    assert check == Check("peerauthentication/default.default", "KIA0505", "error", "no DestinationRule")


def test_unknown_severity_or_unexplained_invalidity_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="severity: wants one of"):
        parse_validations(text(built_validations(severity="fatal")))
    doc = built_validations()
    doc["validations"]["peerauthentication"]["default.default"]["valid"] = False
    with pytest.raises(Unreadable, match="wants a reason for what is not valid"):
        parse_validations(text(doc))


def test_status_names_versions() -> None:
    doc = {
        "status": {"Kiali state": "running", "Kiali version": "v1.79.0"},
        "externalServices": [{"name": "Istio", "version": "1.21.1"}, {"name": "Prometheus"}],
    }
    status = parse_status(text(doc))
    assert (status.state, status.version) == ("running", "v1.79.0")
    assert status.services == {"Istio": "1.21.1", "Prometheus": ""}
