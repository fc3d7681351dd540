"""Reads the objects that rules look at out of documents, once."""

from __future__ import annotations

import re
from typing import TypeVar

import yaml

from raymesh.manifests.clusters import API_GROUP, CLUSTER_SPEC, cluster, environment
from raymesh.manifests.kustomize import is_kustomization, kustomization
from raymesh.manifests.objects import Entry, Objects, Operator, Service
from raymesh.manifests.policy_reading import (
    authorization_policy,
    destination_rule,
    name_of,
    namespace,
    network_policy,
    peer_authentication,
    request_authentication,
    service_entry,
    sidecar,
    space_of,
    virtual_service,
)
from raymesh.manifests.reading import Document, is_template
from raymesh.manifests.tree import ShapeError, UnrenderedError, Value, child, elements, fields, picked, scalar, scalars

# Kinds that are read, and their API group: another group's kind of the same name is something else.
SECURITY, NETWORKING = "security.istio.io", "networking.istio.io"
GROUPS = {
    **dict.fromkeys(CLUSTER_SPEC, API_GROUP),
    "Service": "",
    "Namespace": "",
    "ConfigMap": "",
    "List": "",
    "Deployment": "apps",
    "NetworkPolicy": "networking.k8s.io",
    "PeerAuthentication": SECURITY,
    "AuthorizationPolicy": SECURITY,
    "RequestAuthentication": SECURITY,
    "Sidecar": NETWORKING,
    "DestinationRule": NETWORKING,
    "VirtualService": NETWORKING,
    "ServiceEntry": NETWORKING,
}
_ENTRY = ("name", "port", "protocol", "appProtocol", "targetPort")
T = TypeVar("T")
# An expression of Go templates or Jinja; not the doubled braces of Python. What a user's program reads may hold them.
_EXPRESSION = re.compile(r"\{\{-?\s*[.$\w(\"].*\}\}")
_BLOCKS = ("|", ">")
_OTHERS_TOO = ("ConfigMap", "Deployment", "List")  # of which most have nothing to do with Ray
_FREE = ("annotations", "args", "command", "entrypoint", "env", "runtimeEnvYAML", "serveConfigV2", "userConfig")
_POD_NAMES = re.compile(r"^\s*endpoint_pod_names\b", re.MULTILINE)


def collect(doc: Document, into: Objects) -> None:
    """Add the objects of a document. Raises ShapeError where one is not what Kubernetes takes."""
    if isinstance(doc.root, yaml.MappingNode):
        try:
            if doc.braced:
                _refuse_expressions(doc.root)
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
    groups = GROUPS.get("List" if kind is not None and kind.endswith("List") else kind or "")
    if is_kustomization(doc, root, kind):
        into.kustomizations.append(kustomization(doc, root))
    elif kind is None or groups is None:
        return
    elif kind.endswith("List"):
        for item in elements(child(root, "items")):
            inner = child(item, "kind")
            if inner is not None and not str(inner.value).endswith("List"):
                _collect_node(doc, item, into)
    elif _group(doc, root) not in (groups, None):
        if kind in CLUSTER_SPEC:
            _add(into.foreign, scalar(doc, root, "apiVersion"))
    elif kind in CLUSTER_SPEC:
        _add(into.clusters, cluster(doc, root, kind, name_of(doc, root)))
    elif kind == "Service":
        _add(into.services, _service(doc, root))
    elif kind == "Deployment":
        _add(into.operators, _operator(doc, root))
    elif kind == "ConfigMap":
        _add(into.pod_name_dns, _pod_names(doc, root))
    else:
        _collect_policy(doc, root, kind, into)


def _refuse_expressions(root: yaml.Node) -> None:
    """Raise UnrenderedError for `"{{ .Values.x }}"` and `{{ x }}`, which are YAML, where a value is to stand."""
    kind, version = child(root, "kind"), child(root, "apiVersion")
    if not isinstance(kind, yaml.ScalarNode) or kind.value not in GROUPS or kind.value in _OTHERS_TOO:
        return
    if isinstance(version, yaml.ScalarNode) and version.value.rpartition("/")[0] != GROUPS[kind.value]:
        return
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue  # an alias
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode) and node.style not in _BLOCKS and _EXPRESSION.search(node.value):
            raise UnrenderedError(node)
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            if any(isinstance(key, yaml.MappingNode) for key, _ in node.value):
                raise UnrenderedError(node)
            waiting += [value for key, value in node.value if key.value not in _FREE]


def _collect_policy(doc: Document, root: yaml.Node, kind: str, into: Objects) -> None:
    name = name_of(doc, root)
    if name is None:
        return
    if kind == "PeerAuthentication":
        into.peers.append(peer_authentication(doc, root, name))
    elif kind == "AuthorizationPolicy":
        into.policies.append(authorization_policy(doc, root, name))
    elif kind == "RequestAuthentication":
        into.tokens.append(request_authentication(doc, root, name))
    elif kind == "NetworkPolicy":
        into.networks.append(network_policy(doc, root, name))
    elif kind == "Sidecar":
        into.sidecars.append(sidecar(doc, root, name))
    elif kind == "DestinationRule":
        _add(into.destination_rules, destination_rule(doc, root, name))
    elif kind == "VirtualService":
        into.virtual_services.append(virtual_service(doc, root, name))
    elif kind == "ServiceEntry":
        into.service_entries.append(service_entry(doc, root, name))
    elif kind == "Namespace":
        into.namespaces.append(namespace(doc, root, name))


def _add(items: list[T], item: T | None) -> None:
    if item is not None:
        items.append(item)


def _group(doc: Document, root: yaml.Node) -> str | None:
    """The API group of an object, None where it does not say its version."""
    version = scalar(doc, root, "apiVersion")
    return version.text.rpartition("/")[0] if version else None


def _service(doc: Document, root: yaml.Node) -> Service | None:
    name, spec = name_of(doc, root), child(root, "spec")
    if name is None or spec is None:
        return None
    given = fields(spec)
    entries = []
    for node in elements(given.get("ports")):
        told = picked(doc, node, _ENTRY)
        if "port" not in told:
            raise ShapeError(node, "a port with a number under `port`")
        entries.append(
            Entry(
                node=node,
                name=told.get("name"),
                number=told["port"],
                protocol=told.get("protocol"),
                app_protocol=told.get("appProtocol"),
                target=told.get("targetPort"),
            )
        )
    policy = scalar(doc, given.get("ipFamilyPolicy"))
    families = elements(given.get("ipFamilies"))
    return Service(
        name=name,
        namespace=space_of(doc, root),
        doc=doc,
        spec=spec,
        labels=scalars(doc, child(root, "metadata", "labels")),
        selector=scalars(doc, given.get("selector")),
        cluster_ip=scalar(doc, given.get("clusterIP")),
        type=scalar(doc, given.get("type")),
        publishes_early=scalar(doc, given.get("publishNotReadyAddresses")),
        dual_stack=any(f.value == "IPv6" for f in families) or (policy is not None and policy.text != "SingleStack"),
        families=tuple(f.value for f in families if isinstance(f, yaml.ScalarNode)),
        entries=tuple(entries),
    )


def _operator(doc: Document, root: yaml.Node) -> Operator | None:
    name = name_of(doc, root)
    for container in elements(child(root, "spec", "template", "spec", "containers")):
        image = scalar(doc, container, "image")
        if name and image and "kuberay/operator" in image.text:
            told = environment(doc, container)
            return Operator(name, told.get("ENABLE_INIT_CONTAINER_INJECTION"), told.get("CLUSTER_DOMAIN"))
    return None


def _pod_names(doc: Document, root: yaml.Node) -> Value | None:
    """The Corefile of a ConfigMap whose DNS names endpoints after their pods; other ConfigMaps may be of any shape."""
    data = child(root, "data")
    corefile = child(data, "Corefile") if isinstance(data, yaml.MappingNode) else None
    if not isinstance(corefile, yaml.ScalarNode) or not _POD_NAMES.search(corefile.value):
        return None
    return Value(corefile.value, corefile, doc)
