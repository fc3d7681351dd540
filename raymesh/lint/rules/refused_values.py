"""Values that several kinds of Istio's objects have: destinations, labels, namespaces that see them, gateways."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from raymesh.manifests.istio_values import (
    HTTP_PROTOCOLS,
    PROTOCOLS,
    is_host,
    is_host_or_wildcard,
    is_label,
    is_label_pair,
)
from raymesh.manifests.policies import Policy
from raymesh.manifests.reading import Document
from raymesh.manifests.surroundings import DEFAULT_NAMESPACE
from raymesh.manifests.tree import Value, child, elements, scalar, scalars
from raymesh.ports.contract import HIGHEST_PORT

Wrong = Iterator[tuple[Value, str, str]]  # where, what, the cure
PORT_CURE = f"1 to {HIGHEST_PORT}"


def values(doc: Document, node: yaml.Node | None) -> list[Value]:
    """The scalars of a list."""
    return [Value(item.value, item, doc) for item in elements(node) if isinstance(item, yaml.ScalarNode)]


def is_port(value: Value | None) -> bool:
    """Whether it is a number that a port can have."""
    return value is not None and value.number is not None and 1 <= value.number <= HIGHEST_PORT


def destination(doc: Document, node: yaml.Node | None) -> Wrong:
    """Where a route leads: its host, subset and port."""
    if node is None:
        return
    host, subset = scalar(doc, node, "host"), scalar(doc, node, "subset")
    if host is not None and (host.text == "*" or not is_host_or_wildcard(host.text)):
        yield host, f"destination.host {host.text!r} is no name of a host", "a Service's name"
    if subset is not None and subset.text and not is_label(subset.text):
        yield subset, f"subset {subset.text!r} is no name", "letters, digits and dashes"
    port = child(node, "port")
    if port is not None and not is_port(scalar(doc, port, "number")):
        yield scalar(doc, port, "number") or Value("", port, doc), "a destination's port without a number", PORT_CURE


def labels(doc: Document, node: yaml.Node | None) -> Wrong:
    """What stands for pods has to be labels that pods can have."""
    for name, value in scalars(doc, node).items():
        if not is_label_pair(name, value.text):
            yield value, f"label {name}: {value.text}, which no pod can have", "a label as Kubernetes takes it"


def selected(doc: Document, node: yaml.Node | None, said: str) -> Wrong:
    """A workloadSelector has no wildcards."""
    for name, value in scalars(doc, node).items():
        if "*" in name + value.text or not name:
            yield value, f"{said} with a wildcard, {name}: {value.text}", "a label as the pods have it"


def exported(policy: Policy, *, to_none: bool = False, own: bool = False) -> Wrong:
    """Who sees an object; `to_none`: it may be nobody; `own`: its own namespace at most."""
    given = values(policy.doc, child(policy.root, "spec", "exportTo"))
    space = policy.namespace or DEFAULT_NAMESPACE
    seen: set[str] = set()
    for value in given:
        key = space if value.text == "." else value.text
        if key in seen:
            yield value, f"exportTo {value.text} twice", "take one out"
        elif key != "*" and not is_label(key) and not (key == "~" and to_none):
            yield value, f"exportTo {value.text!r} is no namespace", "'.', '*', or a namespace"
        seen.add(key)
    if len(given) > 1 and seen & {"*", "~"}:
        yield given[0], "exportTo all, or nobody, and others", "one of them"
    if own and seen and seen != {space}:
        yield given[0], "exportTo other namespaces, with a workloadSelector", "'.'"


def gateways(doc: Document, node: yaml.Node | None) -> Wrong:
    """Gateways by NAMESPACE/NAME, or by name."""
    for value in values(doc, node):
        space, slash, name = value.text.partition("/")
        if not (is_label(space) and is_label(name)) if slash else not is_host(value.text):
            yield value, f"gateway {value.text!r}", "NAMESPACE/NAME, or mesh"
        if not slash:
            return  # Istio looks no further either


def named_port(doc: Document, node: yaml.Node | None) -> Wrong:
    """The name and protocol of a port."""
    name, protocol = scalar(doc, node, "name"), scalar(doc, node, "protocol")
    if name is not None and name.text and not is_label(name.text):
        yield name, f"port name {name.text!r}", "letters, digits and dashes"
    if protocol is not None and protocol.text and protocol.text.lower() not in PROTOCOLS:
        yield protocol, f"protocol {protocol.text!r}", ", ".join(p.upper() for p in (*HTTP_PROTOCOLS, "tcp", "tls"))
