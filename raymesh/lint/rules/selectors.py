"""RM084 to RM086: Services that mean Ray's pods and select none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import replace_node
from raymesh.manifests.objects import Cluster, Container, Group, Service
from raymesh.manifests.places import Edit
from raymesh.manifests.relating import World, same_namespace
from raymesh.manifests.surroundings import CLUSTER_LABEL, pod_labels

_OF_RAY = "ray.io/"
_GROUP, _TYPE, _NODE, _IDENTIFIER = "ray.io/group", "ray.io/node-type", "ray.io/is-ray-node", "ray.io/identifier"
# Other keys with a domain may come from a webhook or a controller.
_KNOWN_DOMAINS = ("app.kubernetes.io/name", "app.kubernetes.io/created-by", _GROUP, _TYPE, _NODE, CLUSTER_LABEL)
_HEAD_GROUP = "headgroup"
_METRICS_PORT = "metrics"  # KubeRay adds a container port of this name


@rule("RM084", Severity.ERROR, "Service selects no pod of the cluster")
def rm084(world: World) -> Iterator[Hit]:
    """Its selector asks for a label that KubeRay does not give, or gives another value."""
    for service, clusters in _of_ray(world):
        if any(_selected(service, c) for c in clusters):
            continue
        cluster = clusters[0]
        group = max(cluster.groups, key=lambda g: len(service.selector) - len(_wrong(service, cluster, g)))
        key = _wrong(service, cluster, group)[0]
        told = service.selector[key]
        has = _labels(cluster, group).get(key)
        yield Hit(
            at(told),
            f"Service {service.name.text} selects {key}: {told.text}, which no pod of {cluster.name.text} has"
            + (f": the {group.role}'s have {has}" if has else ""),
            f"{key}: {has}" if has else f"take {key} out, or give the pod template this label",
            _right(service, key, has),
        )


@rule("RM085", Severity.ERROR, "Service selects a name that is made at run time")
def rm085(world: World) -> Iterator[Hit]:
    """The cluster of a RayJob or RayService has a suffix that nobody knows before."""
    named: dict[str, list[Cluster]] = defaultdict(list)
    for cluster in world.objects.clusters:
        named[cluster.name.text].append(cluster)
    judged = _judged_elsewhere(world)
    for service in world.objects.services:
        told = service.selector.get(CLUSTER_LABEL)
        near = [c for c in named.get(told.text, ()) if same_namespace(service.namespace, c.namespace)] if told else []
        if told is None or not near or id(service) in judged or any(c.name_is_known for c in near):
            continue
        yield Hit(
            at(told),
            f"Service {service.name.text} selects {CLUSTER_LABEL}: {told.text}, but that is the name of a "
            f"{near[0].kind}: its cluster is called {told.text}- with a suffix that is made at run time",
            "select a label of your own that the pod templates have"
            + (f", or use KubeRay's {told.text}-head-svc and {told.text}-serve-svc" if _stable(near[0]) else ""),
        )


@rule("RM086", Severity.ERROR, "targetPort name that no container has")
def rm086(world: World) -> Iterator[Hit]:
    """A name is looked up among the ports that containers list; without it the Service has no endpoint there."""
    for service, clusters in _of_ray(world):
        groups = [g for c in clusters for g in _selected(service, c)]
        names = {p.name.text for g in groups for c in _containers(g) for p in c.ports if p.name} | {_METRICS_PORT}
        for entry in service.entries if groups else ():
            target = entry.target
            if target is not None and target.number is None and target.text not in names:
                yield Hit(
                    at(target),
                    f"port {entry.number.text} of Service {service.name.text} goes to a container port named "
                    f"{target.text!r}, which no selected pod lists",
                    f"targetPort: {entry.number.text}, or list the port with this name in the container",
                )


def _of_ray(world: World) -> Iterator[tuple[Service, list[Cluster]]]:
    """Services whose selector names labels of Ray, with the clusters that they can mean; only what is sure."""
    named: dict[str, list[Cluster]] = defaultdict(list)
    spaces: dict[str | None, list[Cluster]] = defaultdict(list)
    for cluster in world.objects.clusters:
        if cluster.groups:
            named[cluster.name.text].append(cluster)
            spaces[cluster.namespace].append(cluster)
    judged = _judged_elsewhere(world)
    for service in world.objects.services:
        if id(service) in judged or not any(key.startswith(_OF_RAY) for key in service.selector):
            continue
        told = service.selector.get(CLUSTER_LABEL)
        if told is not None:
            near = [c for c in named.get(told.text, ()) if same_namespace(service.namespace, c.namespace)]
            sure = [c for c in near if c.name_is_known]
        else:
            sure = spaces.get(service.namespace, [])
        if sure:
            yield service, sure


def _judged_elsewhere(world: World) -> set[int]:
    """Services of the nodes: RM014 speaks of their selectors."""
    return {id(service) for case in world.cases for service in case.services}


def _labels(cluster: Cluster, group: Group) -> dict[str, str]:
    labels = pod_labels(cluster, group)
    if cluster.name_is_known:
        labels.setdefault(_IDENTIFIER, f"{cluster.name.text}-{group.role}")
    return labels


def _wrong(service: Service, cluster: Cluster, group: Group) -> list[str]:
    """The keys of the selector for which pods of this group surely have another value or none."""
    labels = _labels(cluster, group)
    return [
        key
        for key, value in service.selector.items()
        if (labels[key] != value.text if key in labels else "/" not in key or key in _KNOWN_DOMAINS)
        and not (key == CLUSTER_LABEL and not cluster.name_is_known)
    ]


def _selected(service: Service, cluster: Cluster) -> list[Group]:
    return [g for g in cluster.groups if not _wrong(service, cluster, g)]


def _right(service: Service, key: str, has: str | None) -> tuple[Edit, ...]:
    """Write what the group is called where the word can only mean that."""
    told = service.selector[key]
    sure = (key == _GROUP and has == _HEAD_GROUP and told.text in ("head", "head-group", "headGroup")) or (
        key == _TYPE and has is not None and told.text.lower() == has
    )
    return replace_node(told.doc, told.node, has) if sure and has else ()


def _stable(cluster: Cluster) -> bool:
    return cluster.kind == "RayService"


def _containers(group: Group) -> Iterator[Container]:
    yield from (c for c in (group.ray, *group.beside) if c is not None)
