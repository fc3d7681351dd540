"""RM075 to RM081, RM083, RM095 and RM096: what KubeRay makes of its own objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import yaml

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.objects import Cluster, Group, Service
from raymesh.manifests.relating import HEADLESS_LABEL, World, same_namespace
from raymesh.manifests.tree import child
from raymesh.ports.kuberay import DEFAULT_HEAD_PORTS, head_service_ports

_GCS_FLAG, _GCS_DEFAULT = "port", DEFAULT_HEAD_PORTS["gcs-server"]
# Flags of the head that move a port which KubeRay's head Service has, and their defaults.
_MOVED = (
    ("dashboard-port", "dashboard", DEFAULT_HEAD_PORTS["dashboard"]),
    ("ray-client-server-port", "client", DEFAULT_HEAD_PORTS["client"]),
)
_SHUT_MODES = ("DenyAll", "DenyAllEgress")
_ISTIOD = "15012"


@rule("RM075", Severity.ERROR, "Ray is not in the first container")
def rm075(world: World) -> Iterator[Hit]:
    """KubeRay runs `ray start` in the first container, whatever that is."""
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            first = group.misplaced
            if first is not None:
                yield Hit(
                    at(first.name or (group.doc, first.node)),
                    f"container {first.called or '(no name)'} stands first in group {group.name} of "
                    f"{cluster.name.text}: KubeRay runs `ray start` there, and gives it Ray's ports and probes",
                    "put Ray's container first",
                )


@rule("RM076", Severity.ERROR, "head Service without the GCS port")
def rm076(world: World) -> Iterator[Hit]:
    """KubeRay's head Service has the ports of the head's container, and workers dial the GCS through it."""
    for case in world.cases:
        head = case.cluster.head
        wanted = _number(head, _GCS_FLAG, _GCS_DEFAULT) if head else None
        ports = _head_ports(case.cluster)
        if head is None or head.ray is None or wanted is None or ports is None or wanted in ports.values():
            continue
        where = head.ray.ports[0].number if head.ray.ports else head.params[_GCS_FLAG]
        yield Hit(
            at(where),
            f"KubeRay's head Service of {case.cluster.name.text} has no port {wanted}, by which workers reach the "
            "GCS: it has " + _ports_in_words(ports, head),
            f"containerPort {wanted}, name gcs-server, in the head's container",
        )


@rule("RM077", Severity.ERROR, "port name that KubeRay looks for is missing")
def rm077(world: World) -> Iterator[Hit]:
    """Jobs and services are driven through ports that KubeRay finds by name."""
    for cluster in world.objects.clusters:
        head, ports = cluster.head, _head_ports(cluster)
        if cluster.kind == "RayCluster" or head is None or head.ray is None or not head.ray.ports or ports is None:
            continue
        if "dashboard" not in ports:
            yield Hit(
                at(head.ray.ports[0].number),
                f"the head's container of {cluster.kind} {cluster.name.text} lists ports, but none is named dashboard: "
                "KubeRay finds the job and Serve API by that name, and waits for ever",
                f"containerPort {DEFAULT_HEAD_PORTS['dashboard']}, name dashboard",
            )
        served = any(name == "serve" or name.startswith("serve-") for name in ports)
        if cluster.kind == "RayService" and cluster.serve_service is None and not served:
            yield Hit(
                at(head.ray.ports[0].number),
                f"the head's container of RayService {cluster.name.text} lists ports, but none is named serve: KubeRay "
                "makes no Service for Serve",
                f"containerPort {DEFAULT_HEAD_PORTS['serve']}, name serve",
            )


@rule("RM078", Severity.WARNING, "flag moves a port away from the head Service")
def rm078(world: World) -> Iterator[Hit]:
    """The head listens on another number than KubeRay's head Service has."""
    for cluster in world.objects.clusters:
        head, ports = cluster.head, _head_ports(cluster)
        if head is None or ports is None or head.beside:
            continue  # another container may be what listens at the Service's port, and forward to Ray's
        for flag, name, default in _MOVED:
            told = head.params.get(flag)
            number = told.number if told else None
            if told is None or not number or number == default or number in ports.values():
                continue
            yield Hit(
                at(told),
                f"{flag} {number} of {cluster.name.text}: KubeRay's head Service has "
                + (f"{name} at {ports[name]}" if name in ports else f"no port {number}"),
                f"containerPort {number}, name {name}, in the head's container, with the other ports of the head",
            )


@rule("RM079", Severity.ERROR, "head Service with a port twice")
def rm079(world: World) -> Iterator[Hit]:
    """KubeRay gathers the ports of its head Service, and the API server refuses one that is there twice."""
    for cluster in world.objects.clusters:
        yield from _listed_twice(cluster)
        head, given = cluster.head, cluster.head_service
        if head is None or given is None:
            continue
        added = _container_ports(head)
        for entry in given.entries if added is not None else ():
            name = entry.name.text if entry.name else ""
            number = entry.number.number
            twin = name if added and name in added else next((n for n, p in (added or {}).items() if p == number), None)
            if twin is not None and (entry.protocol is None or entry.protocol.text == "TCP"):
                yield Hit(
                    at(entry.name or entry.number),
                    f"headService of {cluster.name.text} has port {entry.number.text} ({name or 'no name'}), and "
                    f"KubeRay adds its own {twin}: the API server refuses the Service, and the cluster gets no head",
                    "take it out of headService: the ports of the head's container are added by themselves",
                )


@rule("RM080", Severity.ERROR, "Service that keeps KubeRay from making its headless Service")
def rm080(world: World) -> Iterator[Hit]:
    """KubeRay makes CLUSTER-headless for groups of several hosts: not where its label is, in vain where its name is."""
    labelled: dict[str, list[Service]] = defaultdict(list)
    for service in world.objects.services:
        if HEADLESS_LABEL in service.labels:
            labelled[service.labels[HEADLESS_LABEL].text].append(service)
    for cluster in world.objects.clusters:
        multi = [g for g in cluster.groups if g.hosts is not None and (g.hosts.number or 0) > 1]
        if not multi or not cluster.name_is_known:
            continue
        name = f"{cluster.name.text}-headless"
        there = [s for s in labelled[cluster.name.text] if same_namespace(s.namespace, cluster.namespace)]
        if any(s.name.text == name for s in there):
            continue
        for service in there:
            yield Hit(
                at(service.labels[HEADLESS_LABEL]),
                f"Service {service.name.text} has KubeRay's label {HEADLESS_LABEL}: KubeRay then does not make {name}, "
                f"and the hosts of group {multi[0].name} (numOfHosts {multi[0].hosts.text if multi[0].hosts else ''}) "
                "don't find each other",
                "take the label out of this Service",
            )
        if there:
            continue
        for service in world.objects.services:
            if service.name.text == name and same_namespace(service.namespace, cluster.namespace):
                yield Hit(
                    service.name.place,
                    f"Service {name} has the name of the one that KubeRay makes for the hosts of group "
                    f"{multi[0].name}, and not its label {HEADLESS_LABEL}: KubeRay can't make it, and makes no pod",
                    "another name for this Service",
                )


@rule("RM081", Severity.ERROR, "cluster without a head or a container")
def rm081(world: World) -> Iterator[Hit]:
    """KubeRay refuses a cluster that has no container to run the head in."""
    for cluster in world.objects.clusters:
        if cluster.head is None and _is_whole(cluster):
            yield Hit(
                at((cluster.doc, cluster.spec)),
                f"{cluster.kind} {cluster.name.text} has no headGroupSpec: KubeRay makes no cluster of it",
                "headGroupSpec with a template that has Ray's container"
                + (", or clusterSelector" if cluster.kind == "RayJob" else ""),
            )
        for group in cluster.groups:
            if group.ray is None:
                yield Hit(
                    at((group.doc, group.node)),
                    f"group {group.name} of {cluster.kind} {cluster.name.text} has no container: KubeRay makes no "
                    "cluster of it",
                    "a template with Ray's container",
                )


@rule("RM083", Severity.NOTE, "Redis clean-up with a sidecar that does not end")
def rm083(world: World) -> Iterator[Hit]:
    """When a fault-tolerant cluster is deleted, a Job made of the head's template empties its part of Redis."""
    if world.options.native_sidecars:
        return
    for case in world.cases:
        if case.cluster.redis is not None:
            yield Hit(
                at(case.cluster.redis),
                f"KubeRay empties Redis with a Job when {case.cluster.name.text} is deleted. Its pod has the head's "
                "labels, so it gets a sidecar, which does not end by itself: the Job fails after its 300 s",
                "native sidecars (Istio 1.27 and Kubernetes 1.33 have them on), or "
                "ENABLE_GCS_FT_REDIS_CLEANUP: 'false' in the operator's environment",
            )


@rule("RM095", Severity.WARNING, "KubeRay's networkPolicy shuts the mesh out")
def rm095(world: World) -> Iterator[Hit]:
    """With DenyAll the pods of a cluster reach each other and nobody else, istiod neither."""
    for case in world.cases:
        told = case.cluster.network_mode
        rules = child(case.cluster.spec, "networkPolicy", "egressRules")
        if (
            told is None
            or told.text not in _SHUT_MODES
            or (rules is not None and _ISTIOD in _text(case.cluster, rules))
        ):
            continue
        yield Hit(
            at(told),
            f"networkPolicy of {case.cluster.name.text} has mode {told.text}: sidecars don't reach istiod ({_ISTIOD}), "
            "get no certificate, and the pods don't become ready",
            f"egressRules that let TCP {_ISTIOD} through to istio-system, and DNS",
        )


@rule("RM096", Severity.WARNING, "port of serveService that KubeRay drops")
def rm096(world: World) -> Iterator[Hit]:
    """KubeRay takes the ports of its Serve Service from the head's container, whatever serveService lists."""
    for cluster in world.objects.clusters:
        ports = _container_ports(cluster.head) if cluster.head else None
        serving = {name for name in ports or () if name == "serve" or name.startswith("serve-")}
        for entry in cluster.serve_service.entries if cluster.serve_service and serving else ():
            name = entry.name.text if entry.name else ""
            if name not in serving:
                yield Hit(
                    at(entry.name or entry.number),
                    f"serveService of {cluster.name.text} has port {entry.number.text} ({name or 'no name'}): KubeRay "
                    f"drops it, as the head's container has {', '.join(sorted(serving))}",
                    "list the port in the head's container, named serve or serve-...",
                )


def _listed_twice(cluster: Cluster) -> Iterator[Hit]:
    """A number that the head's container lists under two names, or that is the metrics port's under another one."""
    head = cluster.head
    seen: dict[int, str] = {}
    for port in head.ray.ports if head is not None and head.ray is not None else ():
        number, name = port.number.number, port.name.text if port.name else ""
        if number is None:
            continue
        other = seen.setdefault(number, name)
        if other != name:
            yield Hit(
                at(port.number),
                f"the head's container of {cluster.name.text} lists {number} as {other or 'no name'} and as "
                f"{name or 'no name'}: KubeRay's head Service would have it twice, the API server refuses that, and "
                "the cluster gets no head",
                "one name for a number",
            )
    metrics = DEFAULT_HEAD_PORTS["metrics"]
    if head is not None and head.ray is not None and metrics in seen and "metrics" not in head.port_names:
        told = next(p for p in head.ray.ports if p.number.number == metrics)
        yield Hit(
            at(told.name or told.number),
            f"the head's container of {cluster.name.text} lists {metrics} as {seen[metrics] or 'no name'}, and KubeRay "
            "adds its own metrics port of that number to the head Service: the API server refuses a number twice, and "
            "the cluster gets no head",
            "name: metrics",
        )


def _text(cluster: Cluster, node: yaml.Node) -> str:
    start, end = cluster.doc.span(node)
    return cluster.doc.source[start:end]


def _number(group: Group, flag: str, default: int) -> int | None:
    told = group.params.get(flag)
    return default if told is None and group.flags_known else told.number if told else None


def _container_ports(head: Group) -> dict[str, int] | None:
    """What KubeRay puts into the head Service; None where a number is not known."""
    if head.ray is None or any(p.number.number is None for p in head.ray.ports):
        return None
    return head_service_ports((p.name.text if p.name else "", p.number.number or 0) for p in head.ray.ports)


def _head_ports(cluster: Cluster) -> dict[str, int] | None:
    """Ports of the head Service, with those that the user adds; None where a number is not known."""
    ports = _container_ports(cluster.head) if cluster.head else None
    if ports is None:
        return None
    added = cluster.head_service.entries if cluster.head_service else ()
    return {**ports, **{(e.name.text if e.name else ""): e.number.number for e in added if e.number.number}}


def _ports_in_words(ports: dict[str, int], head: Group) -> str:
    source = "from the head's container" if head.ray and head.ray.ports else "by default, as the container lists none"
    return ", ".join(f"{number} ({name})" for name, number in sorted(ports.items(), key=lambda p: p[1])) + f", {source}"


def _is_whole(cluster: Cluster) -> bool:
    """Whether this is an object as it will be applied, not a patch of one."""
    job = {"RayJob": "entrypoint", "RayService": "serveConfigV2", "RayCronJob": "schedule"}.get(cluster.kind)
    outer = child(cluster.doc.root, "spec", job) if job else None
    bare = isinstance(cluster.spec, yaml.MappingNode) and {key.value for key, _ in cluster.spec.value} <= {"rayVersion"}
    return outer is not None or bare or any(group.ray is not None for group in cluster.groups)
