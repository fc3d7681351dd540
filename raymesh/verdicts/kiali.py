"""mTLS by Kiali: what it draws for the workload, with everything that could make a padlock mean nothing."""

from __future__ import annotations

from raymesh.verdicts.finding import Finding, some
from raymesh.witness.kiali import MAX_PERCENT, Edge, Graph, Tls, Validations, Workload

WITNESS = "Kiali"
# Istio's names for "I know no service behind this address": such traffic leaves the mesh in plaintext, or goes nowhere.
LEAKS = ("PassthroughCluster", "BlackHoleCluster")


def mtls_by_kiali(
    graph: Graph,
    workload: Workload,
    tls: Tls,
    validations: Validations,
    *,
    namespace: str,
    pods: int,
    rate_floor: float,
) -> tuple[Finding, ...]:
    """Judge one poll. `rate_floor` is gRPC requests a second that the traffic of this run must reach, `pods` how many
    pods the workload has.

    A refused plaintext call has no report of its destination, so Kiali can show 100 % while Ray fails: hence the
    floor, the leaks, and (elsewhere) probes that must be refused.
    """
    self_edges = [e for e in graph.edges if _is_self_edge(e, workload.name, namespace)]
    return (
        _sidecars(workload, pods),
        _rate(self_edges, workload.name, rate_floor),
        _self_edge_mtls(self_edges, workload.name),
        _principals(self_edges, workload, namespace),
        _no_lesser_edge(graph),
        _no_leak(graph),
        _configured(tls, namespace),
        _valid(validations, namespace),
    )


def _is_self_edge(edge: Edge, workload: str, namespace: str) -> bool:
    ends = {(node.kind, node.workload, node.namespace) for node in (edge.source, edge.target)}
    return edge.protocol == "grpc" and ends == {("workload", workload, namespace)}


def _sidecars(workload: Workload, pods: int) -> Finding:
    bare = [pod.name for pod in workload.pods if not pod.sidecar_ready]
    return Finding(
        "sidecar in each pod of the workload",
        ok=workload.sidecar and len(workload.pods) == pods > 0 and not bare,
        expected=f"{workload.name} has {pods} pods, each with a ready sidecar",
        seen=f"{len(workload.pods)} pods, without a ready sidecar: {some(bare)}, sidecar: {workload.sidecar}",
        witness=WITNESS,
        figures={"pods": len(workload.pods)},
    )


def _rate(edges: list[Edge], workload: str, floor: float) -> Finding:
    rate = sum(edge.rate for edge in edges)
    return Finding(
        "gRPC traffic of the workload with itself",
        ok=bool(edges) and rate >= floor > 0,
        expected=f"{workload} -> {workload} (grpc) at {floor:g}/s or more",
        seen=f"{rate:g}/s on {some(edges, 'no such edge')}",
        witness=WITNESS,
        figures={"rate/s": round(rate, 2)},
    )


def _self_edge_mtls(edges: list[Edge], workload: str) -> Finding:
    percents = [edge.mtls_percent for edge in edges]
    return Finding(
        "the gRPC self-edge is mTLS",
        ok=bool(percents) and min(percents) == MAX_PERCENT,
        expected=f"{workload} -> {workload} (grpc) at 100 % mTLS",
        seen=some((f"{percent:g} %" for percent in percents), "no such edge"),
        witness=WITNESS,
        figures={"mTLS %": min(percents, default=0.0)},
    )


def _principals(edges: list[Edge], workload: Workload, namespace: str) -> Finding:
    """Both ends must carry the identity of a service account that the workload's pods run as."""
    suffixes = tuple(f"/ns/{namespace}/sa/{account}" for account in {pod.service_account for pod in workload.pods})
    seen = {principal for edge in edges for principal in (edge.source_principal, edge.target_principal)}
    return Finding(
        "SPIFFE identity at both ends",
        ok=bool(seen) and all(p.startswith("spiffe://") and p.endswith(suffixes) for p in seen),
        expected=f"spiffe://DOMAIN{some(sorted(suffixes), ': pods with a service account')}",
        seen=some((p or "no principal" for p in sorted(seen)), "no such edge"),
        witness=WITNESS,
    )


def _no_lesser_edge(graph: Graph) -> Finding:
    lesser = [f"{edge} {edge.mtls_percent:g} %" for edge in graph.edges if edge.mtls_percent < MAX_PERCENT]
    return Finding(
        "no edge below 100 % mTLS",
        ok=bool(graph.edges) and not lesser,
        expected="edges, all of them at 100 %",
        seen=f"{len(graph.edges)} edges, below 100 %: {some(lesser)}",
        witness=WITNESS,
        figures={"edges": len(graph.edges)},
    )


def _no_leak(graph: Graph) -> Finding:
    leaks = [node for node in graph.nodes if node.name in LEAKS or node.service in LEAKS]
    return Finding(
        "nothing leaves the mesh",
        ok=bool(graph.nodes) and not leaks,
        expected=f"nodes, none of them {' or '.join(LEAKS)}",
        seen=f"{len(graph.nodes)} nodes, leaks: {some(leaks)}",
        witness=WITNESS,
    )


def _configured(tls: Tls, namespace: str) -> Finding:
    return Finding(
        "mTLS is demanded in the namespace",
        ok=tls.status == "MTLS_ENABLED",
        expected=f"MTLS_ENABLED for {namespace}",
        seen=f"{tls.status}, auto mTLS {tls.auto}, minimum {tls.minimum}",
        witness=WITNESS,
    )


def _valid(validations: Validations, namespace: str) -> Finding:
    errors = [check for check in validations.checks if check.severity != "warning"]
    return Finding(
        "Istio's configuration is valid",
        ok=bool(validations.objects) and not errors,
        expected=f"objects in {namespace}, none with an error",
        seen=f"{len(validations.objects)} objects, errors: {some(errors)}",
        witness=WITNESS,
        figures={"objects": len(validations.objects), "remarks": len(validations.checks)},
    )
