"""Reads the objects that rules look at out of documents, once."""

from __future__ import annotations

from typing import TypeVar

import yaml

from raymesh.manifests.objects import (
    REVISION,
    AuthorizationPolicy,
    AuthorizationRule,
    Cluster,
    Entry,
    Group,
    Objects,
    Operator,
    PeerAuthentication,
    Service,
)
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import ShapeError, Value, child, elements, pairs, scalar, scalars
from raymesh.ports import Role

CLUSTER_SPEC = {
    "RayCluster": ("spec",),
    "RayJob": ("spec", "rayClusterSpec"),
    "RayService": ("spec", "rayClusterConfig"),
}
T = TypeVar("T")
_MOST_CPUS = 100_000  # keeps out infinity, and what is not a number


def collect(doc: Document, into: Objects) -> None:
    """Add the objects of a document. Raises ShapeError where one is not what Kubernetes takes."""
    if isinstance(doc.root, yaml.MappingNode):
        _collect_node(doc, doc.root, into)


def _collect_node(doc: Document, root: yaml.Node, into: Objects) -> None:
    kind_node = child(root, "kind")
    kind = kind_node.value if isinstance(kind_node, yaml.ScalarNode) else None
    if kind in CLUSTER_SPEC:
        _add(into.clusters, _cluster(doc, root, kind))
    elif kind == "Service" and _group(doc, root) == "":
        _add(into.services, _service(doc, root))
    elif kind == "PeerAuthentication":
        into.peers.append(_peer(doc, root))
    elif kind == "AuthorizationPolicy":
        _add(into.policies, _policy(doc, root))
    elif kind == "Deployment":
        _add(into.operators, _operator(doc, root))
    elif kind == "Namespace":
        _namespace(doc, root, into)
    elif kind == "List":
        for item in elements(child(root, "items")):
            if child(item, "kind") is not None and child(item, "kind").value != "List":  # type: ignore[union-attr]  # None was tested
                _collect_node(doc, item, into)


def _add(items: list[T], item: T | None) -> None:
    if item is not None:
        items.append(item)


def _group(doc: Document, root: yaml.Node) -> str:
    version = scalar(doc, root, "apiVersion")
    return version.text.rpartition("/")[0] if version else ""


def _name(doc: Document, root: yaml.Node) -> Value | None:
    return scalar(doc, root, "metadata", "name") or scalar(doc, root, "metadata", "generateName")


def _space(doc: Document, root: yaml.Node) -> str | None:
    value = scalar(doc, root, "metadata", "namespace")
    return value.text if value else None


def _cluster(doc: Document, root: yaml.Node, kind: str) -> Cluster | None:
    name = _name(doc, root)
    spec = child(root, *CLUSTER_SPEC[kind])
    if name is None or spec is None:
        return None
    groups = []
    head = child(spec, "headGroupSpec")
    if head is not None:
        groups.append(_ray_group(doc, head, "head", "head"))
    for worker in elements(child(spec, "workerGroupSpecs")):
        called = scalar(doc, worker, "groupName")
        groups.append(_ray_group(doc, worker, "worker", called.text if called else "worker"))
    version = scalar(doc, spec, "autoscalerOptions", "version")
    return Cluster(
        kind=kind,
        name=name,
        namespace=_space(doc, root),
        doc=doc,
        spec=spec,
        ray_version=scalar(doc, spec, "rayVersion"),
        groups=tuple(groups),
        tls=scalar(doc, spec, "tlsOptions", "enabled"),
        autoscaling=scalar(doc, spec, "enableInTreeAutoscaling"),
        registers_by_name=_registers_by_name(doc, spec),
        autoscaler_version=version.text if version else "",
    )


def _registers_by_name(doc: Document, spec: yaml.Node) -> bool:
    """Whether KubeRay's podFQDN sets node-ip-address (https://github.com/ray-project/kuberay/pull/5191)."""
    mode = scalar(doc, spec, "podFQDN", "mode")
    return mode is not None and mode.text == "RegisterAsNodeAddress"


def _ray_group(doc: Document, node: yaml.Node, role: Role, name: str) -> Group:
    containers = elements(child(node, "template", "spec", "containers"))
    ray = containers[0] if containers else None
    params = child(node, "rayStartParams")
    ports = {scalar(doc, p, "containerPort") for c in containers for p in elements(child(c, "ports"))}
    return Group(
        role=role,
        name=name,
        doc=doc,
        node=node,
        params=scalars(doc, params),
        repeated=_repeated(doc, params),
        labels=scalars(doc, child(node, "template", "metadata", "labels")),
        annotations=scalars(doc, child(node, "template", "metadata", "annotations")),
        image=scalar(doc, ray, "image"),
        environment=_environment(doc, ray),
        container_ports=frozenset(p.number for p in ports if p and p.number is not None),
        cpu=_cpu(doc, node, ray),
    )


def _repeated(doc: Document, params: yaml.Node | None) -> tuple[Value, ...]:
    seen: set[str] = set()
    twice = []
    for key, _ in params.value if isinstance(params, yaml.MappingNode) else ():
        if key.value in seen:
            twice.append(Value(key.value, key, doc))
        seen.add(key.value)
    return tuple(twice)


def _environment(doc: Document, container: yaml.Node | None) -> dict[str, Value]:
    found = {}
    for item in elements(child(container, "env")):
        name, value = scalar(doc, item, "name"), scalar(doc, item, "value")
        if name and value:
            found[name.text] = value
    return found


def _cpu(doc: Document, group: yaml.Node, container: yaml.Node | None) -> float | None:
    """CPUs that Ray schedules on: its flag, else the container's limit, else its request, as KubeRay does."""
    for value in (
        scalar(doc, group, "rayStartParams", "num-cpus"),
        scalar(doc, container, "resources", "limits", "cpu"),
        scalar(doc, container, "resources", "requests", "cpu"),
    ):
        if value is not None:
            text, milli = value.text.removesuffix("m"), value.text.endswith("m")
            try:
                cpus = float(text) / (1000 if milli else 1)
            except ValueError:
                return None
            return cpus if 0 <= cpus <= _MOST_CPUS else None
    return None


def _service(doc: Document, root: yaml.Node) -> Service | None:
    name, spec = _name(doc, root), child(root, "spec")
    if name is None or spec is None:
        return None
    entries = []
    for node in elements(child(spec, "ports")):
        number = scalar(doc, node, "port")
        if number is None:
            raise ShapeError(node, "a port with a number under `port`")
        entries.append(
            Entry(
                node=node,
                name=scalar(doc, node, "name"),
                number=number,
                protocol=scalar(doc, node, "protocol"),
                app_protocol=scalar(doc, node, "appProtocol"),
                target=scalar(doc, node, "targetPort"),
            )
        )
    policy = scalar(doc, spec, "ipFamilyPolicy")
    families = elements(child(spec, "ipFamilies"))
    return Service(
        name=name,
        namespace=_space(doc, root),
        doc=doc,
        spec=spec,
        labels=scalars(doc, child(root, "metadata", "labels")),
        selector=scalars(doc, child(spec, "selector")),
        cluster_ip=scalar(doc, spec, "clusterIP"),
        type=scalar(doc, spec, "type"),
        publishes_early=scalar(doc, spec, "publishNotReadyAddresses"),
        dual_stack=any(f.value == "IPv6" for f in families) or (policy is not None and policy.text != "SingleStack"),
        entries=tuple(entries),
    )


def _peer(doc: Document, root: yaml.Node) -> PeerAuthentication:
    modes = {}
    for port, node in pairs(child(root, "spec", "portLevelMtls")):
        mode = scalar(doc, node, "mode")
        if mode:
            modes[port.value] = mode
    return PeerAuthentication(
        namespace=_space(doc, root),
        doc=doc,
        selector=scalars(doc, child(root, "spec", "selector", "matchLabels")),
        mode=scalar(doc, root, "spec", "mtls", "mode"),
        port_modes=modes,
    )


def _policy(doc: Document, root: yaml.Node) -> AuthorizationPolicy | None:
    name = _name(doc, root)
    if name is None:
        return None
    action = scalar(doc, root, "spec", "action")
    rules = []
    for node in elements(child(root, "spec", "rules")):
        rules.append(
            AuthorizationRule(
                node=node,
                has_from=child(node, "from") is not None,
                has_to=child(node, "to") is not None,
            )
        )
    return AuthorizationPolicy(
        name=name,
        namespace=_space(doc, root),
        doc=doc,
        action=action.text if action else "ALLOW",
        selector=scalars(doc, child(root, "spec", "selector", "matchLabels")),
        rules=tuple(rules),
    )


def _operator(doc: Document, root: yaml.Node) -> Operator | None:
    name = _name(doc, root)
    for container in elements(child(root, "spec", "template", "spec", "containers")):
        image = scalar(doc, container, "image")
        if name and image and "kuberay/operator" in image.text:
            return Operator(name, _environment(doc, container).get("ENABLE_INIT_CONTAINER_INJECTION"))
    return None


def _namespace(doc: Document, root: yaml.Node, into: Objects) -> None:
    labels = scalars(doc, child(root, "metadata", "labels"))
    injected = labels.get("istio-injection")
    name = _name(doc, root)
    if name and (REVISION in labels or (injected and injected.text == "enabled")):
        into.meshed_namespaces.add(name.text)
