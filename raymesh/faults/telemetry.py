"""Faults of telemetry: witnesses that are blind, or see a part."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from raymesh import deadlines
from raymesh.faults.breaking import OWN, envoy_filter, made, one_worker, without
from raymesh.faults.fault import Break, Fault
from raymesh.manifests.patching import Doc
from raymesh.mesh.istio import NAMESPACE
from raymesh.mesh.stock_envoy import FILTER_NAME
from raymesh.proof.bench import Bench
from raymesh.verdicts.catalog import (
    ANSWERS,
    CALLERS,
    CALLS_SUCCEED,
    CROSSED,
    EVERY_CALL,
    GRPC_NODE_MANAGER,
    GRPC_OBJECT_MANAGER,
    GRPC_WORKERS,
    HTTP_AGENT,
    KIALI_EDGES,
    KIALI_ERRORS,
    KIALI_IDENTITIES,
    KIALI_LEAKS,
    KIALI_MTLS,
    KIALI_RATE,
    KNOWN,
    MUTUAL_GROWS,
    NO_RESTART,
    NOTHING_ELSE,
    PEERS,
    SCRAPED,
)

TRACES = frozenset(
    {KNOWN, GRPC_NODE_MANAGER, GRPC_OBJECT_MANAGER, GRPC_WORKERS, HTTP_AGENT, EVERY_CALL, PEERS, CROSSED}
)

KIALI = frozenset({KIALI_RATE, KIALI_MTLS, KIALI_IDENTITIES, KIALI_EDGES, KIALI_LEAKS, KIALI_ERRORS})
UNCOUNTED = KIALI | {MUTUAL_GROWS, NOTHING_ELSE, CALLS_SUCCEED, CALLERS}  # no count is no proof, whatever it is of


def telemetry(tracing: Mapping[str, Any]) -> Doc:
    """Return a Telemetry object for the namespace."""
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": OWN},
        "spec": {"tracing": [dict(tracing)]},
    }


def sampling(percent: float) -> Doc:
    """Return an EnvoyFilter by which the subject's sidecars sample less.

    A Telemetry object that says a percentage and no provider would end tracing: where meshConfig names the tracer, as
    in the guide, the sidecars have none any more (Istio 1.31.0, seen).
    """
    manager = "envoy.filters.network.http_connection_manager"
    typed = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    value = {"typed_config": {"@type": typed, "tracing": {"random_sampling": {"value": percent}}}}
    match = {"listener": {"filterChain": {"filter": {"name": manager}}}}
    patch = {"operation": "MERGE", "value": value}
    contexts = ("SIDECAR_INBOUND", "SIDECAR_OUTBOUND")
    return envoy_filter(
        *({"applyTo": "NETWORK_FILTER", "match": {"context": one, **match}, "patch": patch} for one in contexts)
    )


def gone(app: str) -> Break:
    """Take an addon away, and have it back."""

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        def scale(replicas: int) -> None:
            bench.kube.kubectl("scale", f"deployment/{app}", "-n", NAMESPACE, f"--replicas={replicas}")

        try:
            scale(0)
            bench.kube.wait_gone(NAMESPACE, f"app={app}", within=deadlines.READY)
            yield
        finally:
            scale(1)
            bench.kube.wait_ready(NAMESPACE, f"app={app}", count=1, within=deadlines.READY)

    return broken


@contextlib.contextmanager
def unscraped(bench: Bench) -> Iterator[None]:
    """Tell Prometheus to leave a worker's sidecar alone."""
    one = one_worker(bench)

    def annotate(value: str) -> None:
        words = ("pod", one.name, "-n", bench.subject.namespace, f"prometheus.io/scrape={value}", "--overwrite")
        bench.kube.kubectl("annotate", *words)

    try:
        annotate("false")
        yield
    finally:
        annotate("true")


FAULTS = (
    Fault(
        "telemetry-sampling",
        "30 % of the calls are sampled",
        made(sampling(30.0)),
        frozenset({EVERY_CALL}),
    ),
    Fault(
        "telemetry-off",
        "no spans are reported",
        made(telemetry({"disableSpanReporting": True})),
        TRACES,
        cuts=True,
    ),
    Fault("telemetry-jaeger-gone", "Jaeger is gone", gone("jaeger"), frozenset({ANSWERS})),
    Fault("telemetry-prometheus-gone", "Prometheus is gone", gone("prometheus"), frozenset({ANSWERS})),
    Fault("telemetry-kiali-gone", "Kiali is gone", gone("kiali"), frozenset({ANSWERS})),
    Fault(
        "telemetry-one-unscraped",
        "one sidecar is not scraped",
        unscraped,
        frozenset({SCRAPED, MUTUAL_GROWS, NOTHING_ELSE, CALLS_SUCCEED, NO_RESTART}),
    ),
    Fault(
        "telemetry-metrics-off",
        "the sidecars count no calls",
        without("envoyfilter", FILTER_NAME, namespace=NAMESPACE),
        UNCOUNTED,
        cuts=True,
    ),
)
