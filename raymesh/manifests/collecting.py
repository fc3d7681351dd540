"""Reads the objects that rules look at out of documents, once."""

from __future__ import annotations

from typing import TypeVar

import yaml

from raymesh.manifests.clusters import API_GROUP, CLUSTER_SPEC, cluster, environment
from raymesh.manifests.objects import (
    REVISION,
    AuthorizationPolicy,
    AuthorizationRule,
    Entry,
    Objects,
    Operator,
    PeerAuthentication,
    Service,
)
from raymesh.manifests.reading import Document, is_template
from raymesh.manifests.tree import ShapeError, UnrenderedError, Value, child, elements, pairs, scalar, scalars

T = TypeVar("T")


def collect(doc: Document, into: Objects) -> None:
    """Add the objects of a document. Raises ShapeError where one is not what Kubernetes takes."""
    if isinstance(doc.root, yaml.MappingNode):
        try:
            _collect_node(doc, doc.root, into)
        except ShapeError as error:
            raise _explained(doc, error) from None


def _explained(doc: Document, error: ShapeError) -> ShapeError:
    """The error, or that its line is a template: `name: {{.Name}}` is YAML, a mapping with a mapping for a key."""
    at = doc.span(error.node)[0]
    line = doc.source[doc.source.rfind("\n", 0, at) + 1 :].partition("\n")[0]
    return UnrenderedError(error.node) if is_template(line) else error


def _collect_node(doc: Document, root: yaml.Node, into: Objects) -> None:
    kind_node = child(root, "kind")
    kind = kind_node.value if isinstance(kind_node, yaml.ScalarNode) else None
    if kind in CLUSTER_SPEC and _group(doc, root) not in ("", API_GROUP):
        _add(into.foreign, scalar(doc, root, "apiVersion"))
    elif kind in CLUSTER_SPEC:
        _add(into.clusters, cluster(doc, root, kind, _name(doc, root)))
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
            return Operator(name, environment(doc, container).get("ENABLE_INIT_CONTAINER_INJECTION"))
    return None


def _namespace(doc: Document, root: yaml.Node, into: Objects) -> None:
    labels = scalars(doc, child(root, "metadata", "labels"))
    injected = labels.get("istio-injection")
    name = _name(doc, root)
    if name and (REVISION in labels or (injected and injected.text == "enabled")):
        into.meshed_namespaces.add(name.text)
