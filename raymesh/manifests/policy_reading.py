"""Reads the kinds of Istio and Kubernetes that decide who reaches a pod and how."""

from __future__ import annotations

import yaml

from raymesh.manifests.policies import (
    AuthorizationPolicy,
    AuthorizationRule,
    ClientTls,
    Condition,
    Destination,
    DestinationRule,
    Egress,
    Fields,
    Namespace,
    NetworkPeer,
    NetworkPolicy,
    NetworkPort,
    Opening,
    PeerAuthentication,
    RequestAuthentication,
    Route,
    ServiceEntry,
    Sidecar,
    Subset,
    VirtualService,
)
from raymesh.manifests.reading import Document
from raymesh.manifests.selecting import Selector, read_selector
from raymesh.manifests.tree import ShapeError, Value, child, elements, pairs, scalar, scalars

# What a route does to a call besides sending it on.
EFFECTS = ("fault", "timeout", "redirect", "directResponse", "rewrite", "delegate")


def name_of(doc: Document, root: yaml.Node) -> Value | None:
    """The name of an object, or what its made name begins with."""
    return scalar(doc, root, "metadata", "name") or scalar(doc, root, "metadata", "generateName")


def space_of(doc: Document, root: yaml.Node) -> str | None:
    """The namespace that an object says."""
    value = scalar(doc, root, "metadata", "namespace")
    return value.text if value else None


def words(doc: Document, node: yaml.Node | None) -> tuple[Value, ...]:
    """The elements of a list of scalars. Raises ShapeError."""
    found = []
    for item in elements(node):
        if not isinstance(item, yaml.ScalarNode):
            raise ShapeError(item, "a scalar")
        found.append(Value(item.value, item, doc))
    return tuple(found)


def peer_authentication(doc: Document, root: yaml.Node, name: Value) -> PeerAuthentication:
    """Read a PeerAuthentication."""
    ports, created = child(root, "spec", "portLevelMtls"), scalar(doc, root, "metadata", "creationTimestamp")
    modes = {}
    keys = []
    for port, node in _keyed(doc, ports):
        keys.append(port)
        mode = scalar(doc, node, "mode")
        if mode:
            modes[port.text] = mode
    return PeerAuthentication(
        name=name,
        namespace=space_of(doc, root),
        doc=doc,
        root=root,
        selector=read_selector(doc, child(root, "spec", "selector")),
        mode=scalar(doc, root, "spec", "mtls", "mode"),
        port_modes=modes,
        port_keys=tuple(keys),
        ports_node=ports,
        created=created.text if created else "",
    )


def authorization_policy(doc: Document, root: yaml.Node, name: Value) -> AuthorizationPolicy:
    """Read an AuthorizationPolicy."""
    action = scalar(doc, root, "spec", "action")
    trial = scalar(doc, root, "metadata", "annotations", "istio.io/dry-run")
    return AuthorizationPolicy(
        name=name,
        namespace=space_of(doc, root),
        doc=doc,
        root=root,
        selector=read_selector(doc, child(root, "spec", "selector")),
        action=action.text if action else "ALLOW",
        rules=tuple(_authorization_rule(doc, node) for node in elements(child(root, "spec", "rules"))),
        provider=scalar(doc, root, "spec", "provider", "name"),
        targets_gateways=_targets(root),
        dry_run=trial is not None and trial.true,
    )


def _authorization_rule(doc: Document, node: yaml.Node) -> AuthorizationRule:
    conditions = []
    for item in elements(child(node, "when")):
        key = scalar(doc, item, "key")
        if key:
            values, others = words(doc, child(item, "values")), words(doc, child(item, "notValues"))
            conditions.append(Condition(key, values, others))
    return AuthorizationRule(
        node=node,
        sources=tuple(_fields(doc, child(item, "source")) for item in elements(child(node, "from"))),
        operations=tuple(_fields(doc, child(item, "operation")) for item in elements(child(node, "to"))),
        conditions=tuple(conditions),
        has_from=child(node, "from") is not None,
        has_to=child(node, "to") is not None,
    )


def _fields(doc: Document, node: yaml.Node | None) -> Fields:
    return {key.text: found for key, value in _keyed(doc, node) if (found := words(doc, value))}


def _keyed(doc: Document, node: yaml.Node | None) -> list[tuple[Value, yaml.Node]]:
    """Keys and values of a mapping whose keys are scalars. Raises ShapeError."""
    found = []
    for key, value in pairs(node):
        if not isinstance(key, yaml.ScalarNode):
            raise ShapeError(key, "a scalar")
        found.append((Value(key.value, key, doc), value))
    return found


def _targets(root: yaml.Node) -> bool:
    return any(child(root, "spec", key) is not None for key in ("targetRef", "targetRefs"))


def request_authentication(doc: Document, root: yaml.Node, name: Value) -> RequestAuthentication:
    """Read a RequestAuthentication."""
    return RequestAuthentication(
        name=name,
        namespace=space_of(doc, root),
        doc=doc,
        root=root,
        selector=read_selector(doc, child(root, "spec", "selector")),
        targets_gateways=_targets(root),
    )


def network_policy(doc: Document, root: yaml.Node, name: Value) -> NetworkPolicy:
    """Read a NetworkPolicy. Without policyTypes it bears on what comes in, and on what goes out if it says so."""
    types = {v.text for v in words(doc, child(root, "spec", "policyTypes"))}
    egress = child(root, "spec", "egress")
    if not types:
        types = {"Ingress"} | ({"Egress"} if egress is not None else set())
    came, went = _openings(doc, child(root, "spec", "ingress"), "from"), _openings(doc, egress, "to")
    return NetworkPolicy(
        name=name,
        namespace=space_of(doc, root),
        doc=doc,
        root=root,
        selector=read_selector(doc, child(root, "spec", "podSelector")),
        ingress=came if "Ingress" in types else None,
        egress=went if "Egress" in types else None,
    )


def _openings(doc: Document, node: yaml.Node | None, side: str) -> tuple[Opening, ...]:
    return tuple(
        Opening(
            node=item,
            peers=tuple(_network_peer(doc, peer) for peer in elements(child(item, side))),
            ports=tuple(_network_port(doc, port) for port in elements(child(item, "ports"))),
        )
        for item in elements(node)
    )


def _network_peer(doc: Document, node: yaml.Node) -> NetworkPeer:
    pods, spaces = child(node, "podSelector"), child(node, "namespaceSelector")
    return NetworkPeer(
        pods=None if pods is None else read_selector(doc, pods),
        spaces=None if spaces is None else read_selector(doc, spaces),
        block=scalar(doc, node, "ipBlock", "cidr"),
    )


def _network_port(doc: Document, node: yaml.Node) -> NetworkPort:
    protocol = scalar(doc, node, "protocol")
    return NetworkPort(protocol.text if protocol else "TCP", scalar(doc, node, "port"), scalar(doc, node, "endPort"))


def sidecar(doc: Document, root: yaml.Node, name: Value) -> Sidecar:
    """Read a Sidecar."""
    labels = scalars(doc, child(root, "spec", "workloadSelector", "labels"))
    egress = [
        Egress(words(doc, child(item, "hosts")), scalar(doc, item, "port", "number"))
        for item in elements(child(root, "spec", "egress"))
    ]
    return Sidecar(name, space_of(doc, root), doc, root, Selector(labels), tuple(egress))


def destination_rule(doc: Document, root: yaml.Node, name: Value) -> DestinationRule | None:
    """Read a DestinationRule, None if it is for no host."""
    host = scalar(doc, root, "spec", "host")
    if host is None:
        return None
    subsets = []
    for item in elements(child(root, "spec", "subsets")):
        called = scalar(doc, item, "name")
        if called:
            labels = Selector(scalars(doc, child(item, "labels")))
            subsets.append(Subset(called, labels, _client_tls(doc, child(item, "trafficPolicy"))))
    return DestinationRule(
        name=name,
        namespace=space_of(doc, root),
        doc=doc,
        root=root,
        selector=read_selector(doc, child(root, "spec", "workloadSelector")),
        host=host,
        tls=_client_tls(doc, child(root, "spec", "trafficPolicy")),
        subsets=tuple(subsets),
        exported=_exported(doc, root),
    )


def _client_tls(doc: Document, policy: yaml.Node | None) -> ClientTls:
    ports: dict[int, Value | None] = {}
    for item in elements(child(policy, "portLevelSettings")):
        number = scalar(doc, item, "port", "number")
        if number and number.number is not None:
            ports[number.number] = scalar(doc, item, "tls", "mode")
    return ClientTls(scalar(doc, policy, "tls", "mode"), ports)


def _exported(doc: Document, root: yaml.Node) -> bool:
    told = words(doc, child(root, "spec", "exportTo"))
    return not told or any(v.text == "*" for v in told)


def virtual_service(doc: Document, root: yaml.Node, name: Value) -> VirtualService:
    """Read a VirtualService. Without gateways it is for sidecars."""
    gateways = words(doc, child(root, "spec", "gateways"))
    routes = [
        _route(doc, item, kind) for kind in ("http", "tcp", "tls") for item in elements(child(root, "spec", kind))
    ]
    return VirtualService(
        name=name,
        namespace=space_of(doc, root),
        doc=doc,
        root=root,
        selector=Selector({}),
        hosts=words(doc, child(root, "spec", "hosts")),
        in_mesh=not gateways or any(v.text == "mesh" for v in gateways),
        routes=tuple(routes),
        exported=_exported(doc, root),
    )


def _route(doc: Document, node: yaml.Node, kind: str) -> Route:
    destinations = []
    for item in elements(child(node, "route")):
        host = scalar(doc, item, "destination", "host")
        port = scalar(doc, item, "destination", "port", "number")
        if host:
            subset = scalar(doc, item, "destination", "subset")
            destinations.append(Destination(host, port.number if port else None, subset))
    effects = [key for key, _ in _keyed(doc, node) if key.text in EFFECTS]
    matches = elements(child(node, "match"))
    ports = [scalar(doc, item, "port") for item in matches]
    return Route(
        node=node,
        kind=kind,
        ports=tuple(p.number for p in ports if p and p.number is not None) if all(ports) else (),
        destinations=tuple(destinations),
        effects=tuple(effects),
    )


def service_entry(doc: Document, root: yaml.Node, name: Value) -> ServiceEntry:
    """Read a ServiceEntry."""
    hosts = words(doc, child(root, "spec", "hosts"))
    location = scalar(doc, root, "spec", "location")
    outside = location is None or location.text != "MESH_INTERNAL"
    return ServiceEntry(name, space_of(doc, root), doc, root, Selector({}), hosts, outside, _exported(doc, root))


def namespace(doc: Document, root: yaml.Node, name: Value) -> Namespace:
    """Read a Namespace."""
    labels, annotations = (scalars(doc, child(root, "metadata", key)) for key in ("labels", "annotations"))
    return Namespace(name, doc, labels, annotations)
