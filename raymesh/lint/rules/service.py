"""RM013 to RM016: the headless Service as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import set_key, word
from raymesh.manifests.objects import Service
from raymesh.manifests.places import Edit
from raymesh.manifests.relating import Case, World, same_namespace, selects_all
from raymesh.manifests.surroundings import CLUSTER_LABEL
from raymesh.manifests.tree import child


@rule("RM013", Severity.WARNING, "no headless Service for the nodes")
def rm013(world: World) -> Iterator[Hit]:
    """A cluster in a mesh, and no Service that tells the mesh of its ports."""
    for case in world.cases:
        if not case.services and not case.cluster.registers_by_name:
            yield Hit(
                at(case.cluster.name),
                f"{case.cluster.kind} {case.cluster.name.text} is in a mesh, but no headless Service in the input "
                "declares the ports of its nodes",
                "make one with `raymesh ports generate`, and lint both together",
            )


@rule("RM014", Severity.ERROR, "selector does not match the cluster")
def rm014(world: World) -> Iterator[Hit]:
    """The Service has other pods than those of the cluster."""
    for case, service in world.pairs:
        if not same_namespace(service.namespace, case.cluster.namespace):
            yield Hit(
                at(service.name),
                f"Service {service.name.text} lies in namespace {service.namespace}, the pods of "
                f"{case.cluster.name.text} in {case.cluster.namespace}: it can't select them",
                f"namespace: {case.cluster.namespace}",
            )
            continue
        if selects_all(service, case.cluster):
            continue
        told = ", ".join(f"{k}={v.text}" for k, v in service.selector.items()) or "nothing"
        yield Hit(
            at((service.doc, child(service.spec, "selector") or service.spec)),
            f"Service {service.name.text} selects {told}: not all pods of {case.cluster.kind} "
            f"{case.cluster.name.text} have that",
            _selector_advice(case),
            _select(case, service),
        )


@rule("RM015", Severity.ERROR, "Service is not headless")
def rm015(world: World) -> Iterator[Hit]:
    """Ray nodes dial pods, and only a headless Service maps pods to their ports."""
    for case, service in world.pairs:
        if service.headless:
            continue
        told = service.type if service.external else service.cluster_ip
        yield Hit(
            at(told or service.name),
            f"Service {service.name.text} of {case.cluster.name.text} is not headless"
            + (f": {told.text}" if told else ": it has no clusterIP: None"),
            "clusterIP: None",
            () if service.external else set_key(service.doc, service.spec, "clusterIP", "None"),
        )


@rule("RM016", Severity.ERROR, "publishNotReadyAddresses missing")
def rm016(world: World) -> Iterator[Hit]:
    """A node needs its own name before it can become ready."""
    for case, service in world.pairs:
        told = service.publishes_early
        if told is None or not told.true:
            yield Hit(
                at(told or service.name),
                f"Service {service.name.text} hides pods of {case.cluster.name.text} that are not ready: "
                "a Ray node can't start before its own name resolves",
                "publishNotReadyAddresses: true",
                set_key(service.doc, service.spec, "publishNotReadyAddresses", "true"),
            )


def _selector_advice(case: Case) -> str:
    if case.cluster.name_is_known:
        return f"select {CLUSTER_LABEL}: {case.cluster.name.text}"
    return "select a label of your own that all pod templates have: the cluster's name is made at run time"


def _select(case: Case, service: Service) -> tuple[Edit, ...]:
    if not case.cluster.name_is_known or set(service.selector) != {CLUSTER_LABEL}:
        return ()
    return set_key(service.doc, child(service.spec, "selector"), CLUSTER_LABEL, word(case.cluster.name.text))
