"""Builds an Envoy configuration of a sidecar's shape, with an EnvoyFilter merged in as istiod would."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raymesh.witness.envoy import HANDSHAKE_STATS

Doc = dict[str, Any]
EXTENSIONS = "type.googleapis.com/envoy.extensions."
HTTP_MANAGER = "envoy.filters.network.http_connection_manager"
TCP_PROXY = "envoy.filters.network.tcp_proxy"
SERVICE = "raycluster-istio-headless-svc.default.svc.cluster.local"
NODE_METADATA = {  # what pilot-agent passes for a Ray pod
    "WORKLOAD_NAME": "raycluster-istio",
    "NAMESPACE": "default",
    "CLUSTER_ID": "Kubernetes",
    "LABELS": {"service.istio.io/canonical-name": "kuberay", "service.istio.io/canonical-revision": "latest"},
}
STATS_LET_THROUGH = ("cluster_manager", "listener_manager", "server", "istio")  # of Istio's bootstrap


@dataclass(frozen=True)
class Ports:
    """Loopback ports: each protocol goes application -> outbound -> inbound -> upstream."""

    admin: int
    http_out: int
    http_in: int
    http_upstream: int
    tcp_out: int
    tcp_in: int
    tcp_upstream: int


@dataclass(frozen=True)
class Identity:
    """PEM files of one workload: both ends of the mesh hop use them."""

    certificate: Path
    key: Path
    authority: Path


def bootstrap(ports: Ports, identity: Identity, listeners_file: Path) -> Doc:
    """Return a bootstrap that reads its listeners from a file, as a sidecar reads them from istiod."""
    clusters = [
        _cluster("outbound|6380||" + SERVICE, ports.http_in, identity),
        _cluster("inbound|6380||", ports.http_upstream),
        _cluster("outbound|6379||" + SERVICE, ports.tcp_in, identity),
        _cluster("inbound|6379||", ports.tcp_upstream),
    ]
    patterns = [*({"prefix": prefix} for prefix in STATS_LET_THROUGH), {"safe_regex": {"regex": HANDSHAKE_STATS}}]
    return {
        "node": {"id": "sidecar~127.0.0.1~head.default~default.svc", "cluster": "ray", "metadata": NODE_METADATA},
        "admin": {"address": _address(ports.admin)},
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": patterns}}},
        "static_resources": {"clusters": clusters},
        "dynamic_resources": {
            "lds_config": {"path_config_source": {"path": str(listeners_file)}, "resource_api_version": "V3"}
        },
    }


def discovered_listeners(ports: Ports, identity: Identity, envoy_filter: Doc) -> Doc:
    """Return inbound and outbound listeners for HTTP and for TCP, patched, mTLS between them."""
    listeners = [
        _listener("outbound_http", "OUTBOUND", ports.http_out, _http_filter("outbound|6380||" + SERVICE)),
        _listener("virtualInbound", "INBOUND", ports.http_in, _http_filter("inbound|6380||"), identity),
        _listener("outbound_tcp", "OUTBOUND", ports.tcp_out, _tcp_filter("outbound|6379||" + SERVICE)),
        _listener("inbound_tcp", "INBOUND", ports.tcp_in, _tcp_filter("inbound|6379||"), identity),
    ]
    kind = "type.googleapis.com/envoy.config.listener.v3.Listener"
    return {"resources": [{"@type": kind, **listener} for listener in merged(listeners, envoy_filter)]}


def merged(listeners: list[Doc], envoy_filter: Doc) -> list[Doc]:
    """Apply an EnvoyFilter to listeners: MERGE appends access logs, INSERT_FIRST puts an HTTP filter in front."""
    result = copy.deepcopy(listeners)
    for patch in envoy_filter["spec"]["configPatches"]:
        value, match = patch["patch"]["value"], patch["match"]
        direction = match["context"].removeprefix("SIDECAR_")
        wanted = match["listener"]["filterChain"]["filter"]["name"]
        filters = [
            network_filter
            for listener in result
            if listener["traffic_direction"] == direction
            for chain in listener["filter_chains"]
            for network_filter in chain["filters"]
            if network_filter["name"] == wanted
        ]
        assert filters, f"no listener takes the patch {match}"
        for network_filter in filters:
            if (patch["applyTo"], patch["patch"]["operation"]) == ("HTTP_FILTER", "INSERT_FIRST"):
                network_filter["typed_config"]["http_filters"].insert(0, value)
            else:
                assert (patch["applyTo"], patch["patch"]["operation"]) == ("NETWORK_FILTER", "MERGE")
                network_filter["typed_config"] |= value["typed_config"]
    return result


def _listener(name: str, direction: str, port: int, network_filter: Doc, identity: Identity | None = None) -> Doc:
    chain: Doc = {"filters": [network_filter]}
    if identity:
        chain["transport_socket"] = _tls("Downstream", identity, require_client_certificate=True)
    return {"name": name, "traffic_direction": direction, "address": _address(port), "filter_chains": [chain]}


def _http_filter(cluster: str) -> Doc:
    config = {
        "@type": EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}]}
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": EXTENSIONS + "filters.http.router.v3.Router"},
            }
        ],
    }
    return {"name": HTTP_MANAGER, "typed_config": config}


def _tcp_filter(cluster: str) -> Doc:
    config = {
        "@type": EXTENSIONS + "filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "tcp",
        "cluster": cluster,
    }
    return {"name": TCP_PROXY, "typed_config": config}


def _cluster(name: str, port: int, identity: Identity | None = None) -> Doc:
    service = {"host": SERVICE, "name": SERVICE.split(".", maxsplit=1)[0], "namespace": "default"}
    cluster: Doc = {
        "name": name,
        "type": "STATIC",
        "metadata": {"filter_metadata": {"istio": {"services": [service]}}},  # as istiod marks its clusters
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
        },
    }
    if identity:
        cluster["transport_socket"] = _tls("Upstream", identity)
    return cluster


def _tls(side: str, identity: Identity, **more: bool) -> Doc:
    common = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [
            {
                "certificate_chain": {"filename": str(identity.certificate)},
                "private_key": {"filename": str(identity.key)},
            }
        ],
        "validation_context": {"trusted_ca": {"filename": str(identity.authority)}},
    }
    config = {"@type": EXTENSIONS + f"transport_sockets.tls.v3.{side}TlsContext", "common_tls_context": common, **more}
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def _address(port: int) -> Doc:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
