"""What lets stock Envoy be the sidecar: istiod's switches, and one EnvoyFilter that yields Istio's standard metrics.

Istio's own proxy is Envoy plus extensions of Istio. Stock Envoy refuses any configuration that names one of them, so
istiod is told to send none (ISTIOD_SWITCHES, OPERATOR_VALUES). What they did for telemetry is done here with stock
parts: header_mutation tells the peer who speaks, a stats access logger counts by the labels of stock_labels.py.
None of this is applied where the official proxy runs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from raymesh.errors import Unreadable
from raymesh.mesh.stock_labels import OWN_IDENTITY, Reporter, header_name, http_labels, tcp_labels

Doc = dict[str, Any]

ISTIOD_SWITCHES = {  # environment of istiod: both name extensions that stock Envoy does not have
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    # Its loss shows only on ports without a declared protocol (HTTP is then proxied as TCP); every Ray port has one.
    "PILOT_ENABLE_ALPN_FILTER": "false",
}
OPERATOR_VALUES: Doc = {"telemetry": {"enabled": False}}  # no metrics provider, hence no istio.stats filter

ROOT_NAMESPACE = "istio-system"  # an EnvoyFilter here holds for every sidecar of the mesh
FILTER_NAME = "stock-envoy-mesh"
SCRAPE_JOB = "kubernetes-pods"  # the job of Istio's Prometheus addon that reads sidecars

HTTP_MANAGER = "envoy.filters.network.http_connection_manager"
TCP_PROXY = "envoy.filters.network.tcp_proxy"
TYPE_PREFIX = "type.googleapis.com/"
EXTENSIONS = TYPE_PREFIX + "envoy.extensions."
CONTEXTS: dict[Reporter, str] = {"source": "SIDECAR_OUTBOUND", "destination": "SIDECAR_INBOUND"}
TCP_REPORT_INTERVAL = "5s"  # live byte counts of open connections; Prometheus scrapes every 15 s


def _stat(name: str, labels: dict[str, str]) -> Doc:
    return {"name": name, "tags": [{"name": key, "value_format": value} for key, value in labels.items()]}


def _stats_logger(log_type: str | None = None, **metrics: list[Doc]) -> Doc:
    """An access logger that feeds metrics. A TypedStruct carries it, as istiod 1.21 does not know its type."""
    logger: Doc = {
        "name": "envoy.access_loggers.stats",
        "typed_config": {
            "@type": TYPE_PREFIX + "udpa.type.v1.TypedStruct",
            "type_url": EXTENSIONS + "access_loggers.stats.v3.Config",
            "value": {"stat_prefix": "istio", **metrics},
        },
    }
    if log_type:
        logger["filter"] = {"log_type_filter": {"types": [log_type]}}
    return logger


def _http_loggers(reporter: Reporter) -> list[Doc]:
    labels = http_labels(reporter)

    def histogram(name: str, unit: str, value: str) -> Doc:
        return {"stat": _stat(name, labels), "unit": unit, "value_format": value}

    return [
        _stats_logger(
            counters=[{"stat": _stat("requests_total", labels), "value_fixed": 1}],
            histograms=[
                histogram("request_duration_milliseconds", "Milliseconds", "%DURATION%"),
                histogram("request_bytes", "Bytes", "%DOWNSTREAM_WIRE_BYTES_RECEIVED%"),
                histogram("response_bytes", "Bytes", "%DOWNSTREAM_WIRE_BYTES_SENT%"),
            ],
        )
    ]


def _tcp_loggers(reporter: Reporter, workloads: Mapping[str, str]) -> list[Doc]:
    """Count connections, and bytes while they are open.

    Envoy reports a connection's bytes as a running total, so they are a gauge per connection (Envoy 1.38 and newer);
    whoever reads them sums over connection_id, as Kiali does.
    """
    labels = tcp_labels(reporter, workloads)

    def count(name: str) -> list[Doc]:
        return [{"stat": _stat(name, labels), "value_fixed": 1}]

    def byte_totals(log_type: str) -> list[Doc]:
        per_connection = labels | {"connection_id": "%CONNECTION_ID%"}
        totals = (
            ("tcp_sent_bytes_total", "%DOWNSTREAM_WIRE_BYTES_SENT%"),
            ("tcp_received_bytes_total", "%DOWNSTREAM_WIRE_BYTES_RECEIVED%"),
        )
        return [
            {"stat": _stat(name, per_connection), "value_format": value, "set": {"log_type": log_type}}
            for name, value in totals
        ]

    end = "TcpConnectionEnd"
    return [
        _stats_logger("TcpUpstreamConnected", counters=count("tcp_connections_opened_total")),
        _stats_logger("TcpPeriodic", gauges=byte_totals("TcpPeriodic")),
        _stats_logger(end, counters=count("tcp_connections_closed_total"), gauges=byte_totals(end)),
    ]


def _patch(apply_to: str, reporter: Reporter, network_filter: str, operation: str, value: Doc) -> Doc:
    return {
        "applyTo": apply_to,
        "match": {
            "context": CONTEXTS[reporter],
            "listener": {"filterChain": {"filter": {"name": network_filter}}},
        },
        "patch": {"operation": operation, "value": value},
    }


def _introduce_ourselves(reporter: Reporter) -> Doc:
    """Add our identity to requests that leave and to responses that go back."""
    mutations = [
        {"append": {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "header": {"key": header_name(key), "value": value}}}
        for key, value in OWN_IDENTITY.items()
    ]
    half = "request_mutations" if reporter == "source" else "response_mutations"
    config = {"@type": EXTENSIONS + "filters.http.header_mutation.v3.HeaderMutation", "mutations": {half: mutations}}
    value = {"name": "raymesh.introduce", "typed_config": config}
    return _patch("HTTP_FILTER", reporter, HTTP_MANAGER, "INSERT_FIRST", value)


def _count_requests(reporter: Reporter) -> Doc:
    config = {
        "@type": EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "access_log": _http_loggers(reporter),
    }
    value = {"name": HTTP_MANAGER, "typed_config": config}
    return _patch("NETWORK_FILTER", reporter, HTTP_MANAGER, "MERGE", value)


def _count_connections(reporter: Reporter, workloads: Mapping[str, str]) -> Doc:
    config: Doc = {
        "@type": EXTENSIONS + "filters.network.tcp_proxy.v3.TcpProxy",
        "access_log": _tcp_loggers(reporter, workloads),
        "access_log_options": {
            "access_log_flush_interval": TCP_REPORT_INTERVAL,
            "flush_access_log_on_connected": True,
        },
    }
    if reporter == "destination":
        # Else the connection to the application may stand, and be counted, before the handshake says who calls:
        # one in some hundred mTLS connections was then reported as plaintext.
        config |= {"upstream_connect_mode": "ON_DOWNSTREAM_TLS_HANDSHAKE", "max_early_data_bytes": 0}
    return _patch("NETWORK_FILTER", reporter, TCP_PROXY, "MERGE", {"name": TCP_PROXY, "typed_config": config})


def envoy_filter(workloads: Mapping[str, str] | None = None) -> Doc:
    """Return the EnvoyFilter that makes every stock sidecar of the mesh report Istio's standard metrics.

    `workloads` names those of service accounts that are not called like them: SPIFFE identity -> workload.
    """
    reporters: tuple[Reporter, ...] = ("source", "destination")
    patches = [
        patch
        for r in reporters
        for patch in (_introduce_ourselves(r), _count_requests(r), _count_connections(r, workloads or {}))
    ]
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": FILTER_NAME, "namespace": ROOT_NAMESPACE},
        "spec": {"configPatches": patches},
    }


def own_service_account(raycluster: Doc) -> tuple[Doc, Doc]:
    """Return a ServiceAccount named like the RayCluster, and the RayCluster with all its pods running as it.

    Why: see `_peer_of_tcp` in stock_labels.py.
    """
    name, namespace = raycluster["metadata"]["name"], raycluster["metadata"].get("namespace", "default")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
    patched = copy.deepcopy(raycluster)
    groups = [patched["spec"]["headGroupSpec"], *patched["spec"].get("workerGroupSpecs", [])]
    for group in groups:
        group["template"]["spec"]["serviceAccountName"] = name
    return account, patched


def rename_scraped_metrics(config_map: Doc) -> Doc:
    """Return Prometheus' ConfigMap with a rule that gives the metrics their Istio names.

    Envoy puts `envoy_` before every metric that an extension makes; Kiali asks for `istio_requests_total`.
    Raises Unreadable where the configuration has no scrape job that reads pods.
    """
    rule = {
        "action": "replace",
        "source_labels": ["__name__"],
        "regex": "envoy_(istio_.*)",
        "target_label": "__name__",
        "replacement": "$1",
    }
    patched = copy.deepcopy(config_map)
    config = yaml.safe_load(patched["data"]["prometheus.yml"])
    jobs = [job for job in config["scrape_configs"] if job["job_name"] == SCRAPE_JOB]
    if len(jobs) != 1:
        names = [job["job_name"] for job in config["scrape_configs"]]
        raise Unreadable(f"prometheus.yml: wants exactly one scrape job {SCRAPE_JOB!r}, has {names}")
    jobs[0].setdefault("metric_relabel_configs", []).append(rule)
    patched["data"]["prometheus.yml"] = yaml.safe_dump(config, sort_keys=False)
    return patched
