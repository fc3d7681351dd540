"""Builds answers of witnesses in the shape that their sources give them. Made by hand: recordings are in ../data."""

from __future__ import annotations

import json
from typing import Any

Doc = dict[str, Any]
SPIFFE = "spiffe://cluster.local/ns/default/sa/default"
SERVICE = "raycluster-istio-headless-svc.default.svc.cluster.local"


def built_node(name: str = "raycluster-istio", kind: str = "workload", **more: object) -> Doc:
    named = {kind: name} if kind in ("workload", "service") else {}
    ends = {"id": f"id-{name}", "nodeType": kind, "cluster": "Kubernetes", "namespace": "default"}
    return {"data": ends | named | more}


def built_edge(
    source: str = "raycluster-istio", target: str = "raycluster-istio", protocol: str = "grpc", **more: object
) -> Doc:
    return {
        "data": {
            "id": f"{source}-{target}-{protocol}",
            "source": f"id-{source}",
            "target": f"id-{target}",
            "isMTLS": "100",
            "sourcePrincipal": SPIFFE,
            "destPrincipal": SPIFFE,
            "responseTime": "4",
            "traffic": {
                "protocol": protocol,
                "rates": {protocol: "12.34", f"{protocol}PercentReq": "100.0"},
                "responses": {"0": {"flags": {"-": "100.0"}, "hosts": {SERVICE: "100.0"}}},
            },
            **more,
        }
    }


def built_graph(nodes: list[Doc] | None = None, edges: list[Doc] | None = None) -> Doc:
    return {
        "timestamp": 1790000000,
        "duration": 60,
        "graphType": "workload",
        "elements": {
            "nodes": [built_node()] if nodes is None else nodes,
            "edges": [built_edge()] if edges is None else edges,
        },
    }


def built_span(**more: object) -> Doc:
    tags = {
        "component": "proxy",
        "span.kind": "client",
        "grpc.path": "/ray.rpc.NodeManagerService/RequestWorkerLease",
        "grpc.status_code": "0",
        "node_id": "sidecar~10.244.0.12~raycluster-istio-head-x7k2p.default~default.svc.cluster.local",
        "upstream_cluster": f"outbound|6380||{SERVICE}",
        **more,
    }
    return {
        "traceID": "t1",
        "spanID": "s2",
        "flags": 1,
        "operationName": f"{SERVICE}:6380/*",
        "references": [{"refType": "CHILD_OF", "traceID": "t1", "spanID": "s1"}],
        "startTime": 1790000000000000,
        "duration": 1500,
        "tags": [{"key": k, "type": "string", "value": v} for k, v in tags.items() if v is not None],
        "logs": [],
        "processID": "p1",
        "warnings": None,
    }


def built_traces(*spans: Doc) -> Doc:
    process = {
        "serviceName": "raycluster-istio.default",
        "tags": [{"key": "ip", "type": "string", "value": "10.0.0.1"}],
    }
    trace = {"traceID": "t1", "spans": list(spans), "processes": {"p1": process}, "warnings": None}
    return {"data": [trace], "total": 0, "limit": 0, "offset": 0, "errors": None}


def built_vector(*samples: tuple[dict[str, str], str]) -> Doc:
    result = [{"metric": labels, "value": [1790000000.781, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def built_chain(port: int | None, *, tls: bool = True, **more: object) -> Doc:
    chain: Doc = {
        "name": f"0.0.0.0_{port}",
        "filter_chain_match": {"destination_port": port, "transport_protocol": "tls"} if port else {},
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": {}}],
    }
    if tls:
        chain["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "common_tls_context": {"tls_params": {"tls_minimum_protocol_version": "TLSv1_3"}},
                "require_client_certificate": True,
            },
        }
    return chain | more


def built_listeners(*chains: Doc, name: str = "virtualInbound") -> Doc:
    listener = {"name": name, "filter_chains": list(chains)}
    return {"configs": [{"name": name, "active_state": {"listener": listener}}]}


def text(doc: Doc) -> str:
    return json.dumps(doc)
