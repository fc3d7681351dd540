"""Inbound listeners as istiod makes them, and as it must not, for one real Envoy: each before an application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Doc = dict[str, Any]
EXTENSIONS = "type.googleapis.com/envoy.extensions."
ALPN = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"]  # Istio's own mTLS


@dataclass(frozen=True)
class Authority:
    """PEM files: the mesh's root, and what a workload shows."""

    root: Path
    chain: Path
    key: Path


@dataclass(frozen=True)
class Inbound:
    """What a sidecar does with what comes in for one port."""

    listens: int
    upstream: int
    protocol: str = "http"  # http: HTTP/1.1, grpc: HTTP/2, tcp
    mtls: bool = True
    plaintext: bool = False
    minimum: str = "TLSv1_3"
    demands_certificate: bool = True
    validates: str = "VERIFY_TRUST_CHAIN"  # or ACCEPT_UNTRUSTED, or empty: not at all
    denies: bool = False
    outbound: int = 0  # where the sidecar of another pod takes the plaintext of its application for this port


def bootstrap(admin: int, inbound: list[Inbound], authority: Authority) -> Doc:
    """Return the configuration of one Envoy that is the sidecar of each of these ports, and of their callers."""
    listeners, clusters = [], []
    for one in inbound:
        listeners.append(_inbound(one, authority))
        clusters.append(_cluster(f"inbound|{one.listens}||", one.upstream, one.protocol))
        if one.outbound:
            name = f"outbound|{one.listens}||"
            outward = _address_of(one.outbound)
            listeners.append({"name": f"out-{one.outbound}", "address": outward, "filter_chains": [_chain(one, name)]})
            clusters.append(_cluster(name, one.listens, one.protocol, authority))
    return {
        "admin": {"address": _address_of(admin)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }


def _inbound(one: Inbound, authority: Authority) -> Doc:
    inspector = {"@type": EXTENSIONS + "filters.listener.tls_inspector.v3.TlsInspector"}
    chains = []
    if one.mtls:
        match: Doc = {"transport_protocol": "tls"}
        if one.plaintext:  # PERMISSIVE
            match["application_protocols"] = ALPN
        socket = _tls("Downstream", authority, one)
        chain = _chain(one, f"inbound|{one.listens}||")
        chains.append({**chain, "filter_chain_match": match, "transport_socket": socket})
    if one.plaintext:
        match = {"transport_protocol": "raw_buffer"}
        chains.append({**_chain(one, f"inbound|{one.listens}||"), "filter_chain_match": match})
    return {
        "name": f"in-{one.listens}",
        "address": _address_of(one.listens),
        "listener_filters": [{"name": "envoy.filters.listener.tls_inspector", "typed_config": inspector}],
        "filter_chains": chains,
    }


def _chain(one: Inbound, cluster: str) -> Doc:
    if one.protocol == "tcp":
        kind = EXTENSIONS + "filters.network.tcp_proxy.v3.TcpProxy"
        proxy = {"@type": kind, "stat_prefix": "tcp", "cluster": cluster}
        return {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}]}
    inward = cluster.startswith("inbound")
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster}}
    manager = {
        "@type": EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        # As istiod has it: pilot/pkg/networking/util/proxy_headers.go.
        **({"server_name": "istio-envoy", "server_header_transformation": "PASS_THROUGH"} if inward else {}),
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [*([_denial()] if inward and one.denies else []), _filter("router.v3.Router")],
    }
    return {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}


def _denial() -> Doc:
    """Deny all, as an AuthorizationPolicy without rules does."""
    return _filter("rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {}})


def _filter(kind: str, **config: object) -> Doc:
    name = f"envoy.filters.http.{kind.split('.', maxsplit=1)[0]}"
    return {"name": name, "typed_config": {"@type": f"{EXTENSIONS}filters.http.{kind}", **config}}


def _cluster(name: str, port: int, protocol: str, authority: Authority | None = None) -> Doc:
    cluster: Doc = {
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address_of(port)}}]}],
        },
    }
    if protocol == "grpc":
        kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        options = {"@type": f"type.googleapis.com/{kind}", "explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {kind: options}
    if authority:
        cluster["transport_socket"] = _tls("Upstream", authority)
    return cluster


def _tls(side: str, authority: Authority, one: Inbound | None = None) -> Doc:
    minimum = one.minimum if one else "TLSv1_3"
    common: Doc = {
        "tls_params": {"tls_minimum_protocol_version": minimum, "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2", "http/1.1"] if one else ["istio"],
        "tls_certificates": [
            {"certificate_chain": {"filename": str(authority.chain)}, "private_key": {"filename": str(authority.key)}}
        ],
    }
    if one is None or one.validates:
        common["validation_context"] = {
            "trusted_ca": {"filename": str(authority.root)},
            **({"trust_chain_verification": one.validates} if one else {}),
        }
    config: Doc = {
        "@type": EXTENSIONS + f"transport_sockets.tls.v3.{side}TlsContext",
        "common_tls_context": common,
        **({"require_client_certificate": one.demands_certificate} if one else {}),
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def _address_of(port: int) -> Doc:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
