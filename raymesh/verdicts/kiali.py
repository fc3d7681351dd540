"""mTLS by Kiali: what it draws for the workload, with everything that could make a padlock mean nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

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
)
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.kiali import MAX_PERCENT, Edge, Graph, Node, Tls, Validations, Workload

WITNESS = "Kiali"
# Istio's names for "I know no service behind this address": such traffic leaves the mesh in plaintext, comes in past
# every declared port, or goes nowhere.
LEAKS = ("PassthroughCluster", "InboundPassthroughCluster", "BlackHoleCluster")
MINIMUM_TLS = "TLSV1_3"
ROOT_NAMESPACE = "istio-system"  # what is there holds for the whole mesh (istio MeshConfig.rootNamespace)
MOST_FAILED_PERCENT = 40.0  # as in verdicts/prometheus.py: drivers end, and calls to them fail
OLDEST_SECONDS = 60


@dataclass(frozen=True)
class KialiView:
    """All that is asked of Kiali at once, and when (seconds since the epoch)."""

    graph: Graph
    workload: Workload
    tls: Tls  # of the namespace
    mesh: Tls
    validations: Validations
    asked: float


def mtls_by_kiali(
    view: KialiView, *, namespace: str, pods: int, identities: Collection[str], rate_floor: float, driven: bool
) -> Findings:
    """Judge one view. `rate_floor` is gRPC requests a second that the traffic of this run must reach.

    Where the calls are not `driven` by raymesh, nothing is said of how many fail: a raylet calls drivers that have
    ended for ever, and where little else is going on those are most (Ray 2.55.1: 84 % seen beside the guide's tasks).

    `pods` is how many pods the workload has, `identities` are the SPIFFE names that may stand at an end of its edges.
    A refused plaintext call has no report of its destination, so Kiali can show 100 % while Ray fails: hence the
    floor, the leaks, and (elsewhere) probes that must be refused.
    """
    graph, name = view.graph, view.workload.name
    own = [edge for edge in graph.edges if _is_own(edge, name, namespace)]
    calls = [edge for edge in own if edge.protocol == "grpc"]
    return (
        _sidecars(view.workload, pods),
        _rate(calls, name, rate_floor),
        _self_edges_mtls(own, name),
        _identities(graph, name, namespace, identities),
        _no_lesser_edge(graph),
        _no_leak(graph),
        _configured(view.tls, view.mesh, namespace),
        _valid(view.validations, namespace),
        *([_succeed(calls, name)] if driven else []),
        _fresh(graph, view.asked),
    )


def _is(node: Node, workload: str, namespace: str) -> bool:
    return (node.kind, node.workload, node.namespace) == ("workload", workload, namespace)


def _is_own(edge: Edge, workload: str, namespace: str) -> bool:
    return bool(edge.protocol) and all(_is(node, workload, namespace) for node in (edge.source, edge.target))


def _sidecars(workload: Workload, pods: int) -> Finding:
    bare = [pod.name for pod in workload.pods if not pod.sidecar_ready]
    return Finding(
        KIALI_SIDECARS,
        ok=workload.sidecar and len(workload.pods) == pods > 0 and not bare,
        expected=f"{workload.name} has {pods} pods, each with a ready sidecar",
        seen=f"{len(workload.pods)} pods, without a ready sidecar: {some(bare)}, sidecar: {workload.sidecar}",
        witness=WITNESS,
        figures={"pods": len(workload.pods)},
    )


def _rate(calls: list[Edge], workload: str, floor: float) -> Finding:
    rate = sum(edge.rate for edge in calls)
    return Finding(
        KIALI_RATE,
        ok=bool(calls) and rate >= floor > 0,
        expected=f"{workload} -> {workload} (grpc) at {floor:g}/s or more",
        seen=f"{rate:g}/s on {some(calls, 'no such edge')}",
        witness=WITNESS,
        figures={"rate/s": round(rate, 2)},
    )


def _self_edges_mtls(own: list[Edge], workload: str) -> Finding:
    percents = [edge.mtls_percent for edge in own]
    return Finding(
        KIALI_MTLS,
        ok=bool(percents) and min(percents) == MAX_PERCENT,
        expected=f"{workload} -> {workload} at 100 % mTLS, by each protocol",
        seen=some((f"{edge.protocol} {edge.mtls_percent:g} %" for edge in own), "no such edge"),
        witness=WITNESS,
        figures={"mTLS %": min(percents, default=0.0)},
    )


def _identities(graph: Graph, workload: str, namespace: str, identities: Collection[str]) -> Finding:
    """Every edge into or out of the subject, not its self-edges alone. One without any mTLS is KIALI_EDGES' affair."""
    mine = [
        edge
        for edge in graph.edges
        if edge.protocol
        and edge.mtls_percent > 0
        and (_is(edge.source, workload, namespace) or _is(edge.target, workload, namespace))
    ]
    strange = [
        f"{edge}: {end or 'no name'}"
        for edge in mine
        for end in (edge.source_principal, edge.target_principal)
        if end not in identities
    ]
    return Finding(
        KIALI_IDENTITIES,
        ok=bool(mine) and not strange,
        expected=f"edges, at each end one of {some(sorted(identities))}",
        seen=f"{len(mine)} edges, others: {some(strange)}",
        witness=WITNESS,
        figures={"edges": len(mine)},
    )


def _no_lesser_edge(graph: Graph) -> Finding:
    busy = [edge for edge in graph.edges if edge.protocol]
    lesser = [f"{edge} {edge.mtls_percent:g} %" for edge in busy if edge.mtls_percent < MAX_PERCENT]
    return Finding(
        KIALI_EDGES,
        ok=bool(busy) and not lesser,
        expected="edges, all of them at 100 %",
        seen=f"{len(busy)} edges, below 100 %: {some(lesser)}",
        witness=WITNESS,
        figures={"edges": len(busy)},
    )


def _no_leak(graph: Graph) -> Finding:
    leaks = [node for node in graph.nodes if node.name in LEAKS or node.service in LEAKS]
    return Finding(
        KIALI_LEAKS,
        ok=bool(graph.nodes) and not leaks,
        expected=f"nodes, none of them {' or '.join(LEAKS)}",
        seen=f"{len(graph.nodes)} nodes, leaks: {some(leaks)}",
        witness=WITNESS,
    )


def _configured(tls: Tls, mesh: Tls, namespace: str) -> Finding:
    """The mode is the namespace's, the minimum version the mesh's: Kiali leaves it empty for a namespace."""
    return Finding(
        KIALI_TLS,
        ok=tls.status == "MTLS_ENABLED" and tls.auto and mesh.minimum == MINIMUM_TLS,
        expected=f"MTLS_ENABLED for {namespace}, auto mTLS, minimum {MINIMUM_TLS}",
        seen=f"{tls.status}, auto mTLS {tls.auto}, minimum {mesh.minimum or 'not set'}",
        witness=WITNESS,
    )


def _valid(validations: Validations, namespace: str) -> Finding:
    """Kiali answers with the objects of every namespace; those of others are not the subject's affair."""
    ours = tuple(f".{name}" for name in (namespace, ROOT_NAMESPACE))
    objects = [name for name in validations.objects if name.endswith(ours)]
    checks = [check for check in validations.checks if check.about.endswith(ours)]
    errors = [check for check in checks if check.severity != "warning"]
    return Finding(
        KIALI_VALID,
        ok=bool(objects) and not errors,
        expected=f"objects in {namespace} and {ROOT_NAMESPACE}, none with an error",
        seen=f"{len(objects)} objects, errors: {some(errors)}",
        witness=WITNESS,
        figures={"objects": len(objects), "remarks": len(checks)},
    )


def _succeed(calls: list[Edge], workload: str) -> Finding:
    failed = [edge.failed_percent for edge in calls]
    return Finding(
        KIALI_ERRORS,
        ok=bool(failed) and max(failed) <= MOST_FAILED_PERCENT,
        expected=f"{workload} -> {workload} (grpc), at most {MOST_FAILED_PERCENT:g} % failed",
        seen=some((f"{percent:g} %" for percent in failed), "no such edge"),
        witness=WITNESS,
        figures={"failed %": max(failed, default=0.0)},
    )


def _fresh(graph: Graph, asked: float) -> Finding:
    age = asked - graph.time
    return Finding(
        KIALI_FRESH,
        ok=abs(age) <= OLDEST_SECONDS,
        expected=f"a graph that ends within {OLDEST_SECONDS} s of when it was asked for",
        seen=f"{age:.0f} s before",
        witness=WITNESS,
        figures={"age s": round(age)},
    )
