"""Labels of Istio's standard metrics, as format strings that stock Envoy fills in (CEL and access log commands)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

Reporter = Literal["source", "destination"]

NODE = "xds.node.metadata"
CLUSTER = "xds.cluster_metadata"


def _when(condition: str, value: str, otherwise: str = "'unknown'") -> str:
    """A label that is never empty: Prometheus drops an empty label, and Kiali skips a series that lacks one."""
    return f"%CEL({condition} ? {value} : {otherwise})%"


def _node_key(key: str) -> str:
    return _when(f"has({NODE}.{key})", f"{NODE}.{key}")


def _node_label(key: str, otherwise: str) -> str:
    return _when(f"has({NODE}.LABELS) && '{key}' in {NODE}.LABELS", f"{NODE}.LABELS['{key}']", f"'{otherwise}'")


OWN_IDENTITY = {  # who this sidecar serves, from the node metadata that pilot-agent gives Envoy
    "workload": _node_key("WORKLOAD_NAME"),
    "workload_namespace": _node_key("NAMESPACE"),
    "canonical_service": _node_label("service.istio.io/canonical-name", "unknown"),
    "canonical_revision": _node_label("service.istio.io/canonical-revision", "latest"),
    "cluster": _node_key("CLUSTER_ID"),
}


def _peer_of_http(reporter: Reporter) -> dict[str, str]:
    """Read the other sidecar's identity from the headers that it added to its half of the call."""
    headers = "response.headers" if reporter == "source" else "request.headers"

    def header(key: str) -> str:
        otherwise = "'latest'" if key == "canonical_revision" else "'unknown'"
        return _when(f"'{header_name(key)}' in {headers}", f"{headers}['{header_name(key)}']", otherwise)

    return {key: header(key) for key in OWN_IDENTITY}


def header_name(key: str) -> str:
    return f"x-mx-{key}"


def _peer_of_tcp(reporter: Reporter, workloads: Mapping[str, str]) -> dict[str, str]:
    """Read the other sidecar's identity from its certificate: TCP has no headers.

    A SPIFFE identity names a service account, not a workload. Hence `own_service_account` in stock_envoy.py: the
    guide's pods get an account named like their workload; and hence `workloads`, for accounts that have another name
    (SPIFFE identity -> workload). With the account's own name Kiali would draw a workload that does not exist, and
    the edge to it, of which only the source tells, without mTLS; with `unknown`, mutually authenticated GCS traffic
    would look like that of a stranger.
    """
    workload = _peer_san(reporter, _account, workloads)
    return {
        "workload": workload,
        "workload_namespace": _peer_san(reporter, _namespace, {}),
        "canonical_service": workload,
        "canonical_revision": "latest",
        "cluster": OWN_IDENTITY["cluster"],  # one mesh, one cluster
    }


def _account(san: str) -> str:
    return rf"re.extract({san}, '.*/sa/(.*)', '\\1')"


def _namespace(san: str) -> str:
    return rf"re.extract({san}, '.*/ns/([^/]*)/.*', '\\1')"


def _peer_san(reporter: Reporter, read: Callable[[str], str], known: Mapping[str, str]) -> str:
    condition, connection = _mutual_tls(reporter)
    san = f"{connection}.uri_san_peer_certificate"
    value = read(san)
    for identity, name in sorted(known.items()):
        value = f"({san} == '{identity}' ? '{name}' : {value})"
    return _when(condition, value)


def _mutual_tls(reporter: Reporter) -> tuple[str, str]:
    """Return the condition that the hop between the sidecars has peer certificates, and that hop's CEL name."""
    if reporter == "source":
        return "has(upstream.uri_san_peer_certificate)", "upstream"
    return "connection.mtls", "connection"


def _labels(reporter: Reporter, peer: dict[str, str], host: str) -> dict[str, str]:
    """Return the labels of Istio's standard metrics that HTTP and TCP share; `host` names an unknown destination."""
    is_source = reporter == "source"
    source, destination = (OWN_IDENTITY, peer) if is_source else (peer, OWN_IDENTITY)
    condition, connection = _mutual_tls(reporter)
    local = _when(condition, f"{connection}.uri_san_local_certificate")
    remote = _when(condition, f"{connection}.uri_san_peer_certificate")
    return {
        "reporter": reporter,
        **{f"source_{key}": value for key, value in source.items()},
        **{f"destination_{key}": value for key, value in destination.items()},
        **dict.fromkeys(("source_app", "source_version", "destination_app", "destination_version"), "unknown"),
        "source_principal": local if is_source else remote,
        "destination_principal": remote if is_source else local,
        "destination_service": _service("host", host),
        "destination_service_name": _service("name", "(has(xds.cluster_name) ? xds.cluster_name : 'unknown')"),
        "destination_service_namespace": _service("namespace", "'unknown'")
        if is_source
        else OWN_IDENTITY["workload_namespace"],
        "response_flags": "%RESPONSE_FLAGS%",
        # As in Istio, only the destination knows how a connection came in.
        "connection_security_policy": "unknown" if is_source else "%CEL(connection.mtls ? 'mutual_tls' : 'none')%",
    }


def _service(key: str, otherwise: str) -> str:
    """Read the service that istiod wrote into the metadata of the cluster that took the call."""
    known = (
        f"has({CLUSTER}) && 'istio' in {CLUSTER}.filter_metadata && has({CLUSTER}.filter_metadata['istio'].services)"
    )
    return _when(known, f"{CLUSTER}.filter_metadata['istio'].services[0]['{key}']", otherwise)


def http_labels(reporter: Reporter) -> dict[str, str]:
    """Return every label of istio_requests_total as a format string of Envoy's access log."""
    content_type = "request.headers['content-type']"
    is_grpc = f"'content-type' in request.headers && {content_type}.startsWith('application/grpc')"
    return {
        **_labels(reporter, _peer_of_http(reporter), host="(has(request.host) ? request.host : 'unknown')"),
        "request_protocol": _when(is_grpc, "'grpc'", "'http'"),
        "response_code": "%RESPONSE_CODE%",
        "grpc_response_status": "%GRPC_STATUS_NUMBER%",
    }


def tcp_labels(reporter: Reporter, workloads: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return every label of istio_tcp_* as a format string of Envoy's access log.

    `workloads` names those of service accounts that are not called like them: SPIFFE identity -> workload.
    """
    return {**_labels(reporter, _peer_of_tcp(reporter, workloads or {}), host="'unknown'"), "request_protocol": "tcp"}
