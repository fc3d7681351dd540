"""Kinds of Istio and Kubernetes that decide who reaches a pod and how, typed.

They are told apart by identity: comparing them is not what anybody needs, and classes without it are made faster.
"""

from __future__ import annotations

import yaml

from raymesh.frozen import frozen
from raymesh.manifests.reading import Document
from raymesh.manifests.selecting import Selector
from raymesh.manifests.tree import Value

Fields = dict[str, tuple[Value, ...]]  # lists of words by the name of their field


@frozen
class Policy:
    """An object that bears on the pods that it selects."""

    name: Value
    namespace: str | None
    doc: Document
    root: yaml.Node  # the object
    selector: Selector


@frozen
class PeerAuthentication(Policy):
    """What a mesh, a namespace or a workload asks of those who connect to it."""

    mode: Value | None
    port_modes: dict[str, Value]
    port_keys: tuple[Value, ...]  # the numbers under portLevelMtls as they stand there
    ports_node: yaml.Node | None
    created: str  # when, where the input is of a cluster: a file does not say it


@frozen
class Condition:
    """One of `when`."""

    key: Value
    values: tuple[Value, ...]
    not_values: tuple[Value, ...]


@frozen
class AuthorizationRule:
    """One rule of an AuthorizationPolicy: who, to what, and when."""

    node: yaml.Node
    sources: tuple[Fields, ...]
    operations: tuple[Fields, ...]
    conditions: tuple[Condition, ...]
    has_from: bool
    has_to: bool


@frozen
class AuthorizationPolicy(Policy):
    """Who may connect to a workload."""

    action: str
    rules: tuple[AuthorizationRule, ...]
    provider: Value | None  # name of the one that is asked, for CUSTOM
    targets_gateways: bool  # targetRefs: it guards a waypoint or a gateway, not the pods themselves
    dry_run: bool


@frozen
class RequestAuthentication(Policy):
    """Which tokens of requests are valid."""

    targets_gateways: bool


@frozen
class NetworkPeer:
    """One of `from` or `to` of a NetworkPolicy."""

    pods: Selector | None
    spaces: Selector | None
    block: Value | None  # a CIDR


@frozen
class NetworkPort:
    """One of `ports` of a NetworkPolicy; without a number it is every port."""

    protocol: str
    port: Value | None  # a number or the name of a container's port
    end: Value | None


@frozen
class Opening:
    """One rule of a NetworkPolicy: empty peers or ports stand for all."""

    node: yaml.Node
    peers: tuple[NetworkPeer, ...]
    ports: tuple[NetworkPort, ...]


@frozen
class NetworkPolicy(Policy):
    """Which packets reach and leave pods."""

    ingress: tuple[Opening, ...] | None  # None: it leaves this direction alone
    egress: tuple[Opening, ...] | None


@frozen
class Egress:
    """What a Sidecar lets its pods know of."""

    hosts: tuple[Value, ...]
    port: Value | None


@frozen
class Sidecar(Policy):
    """Which services the proxies of pods know."""

    egress: tuple[Egress, ...]


@frozen
class ClientTls:
    """How a DestinationRule has clients speak TLS: by default, and for ports with settings of their own."""

    mode: Value | None
    ports: dict[int, Value | None]


@frozen
class Subset:
    """A named part of a host's pods."""

    name: Value
    labels: Selector
    tls: ClientTls


@frozen
class DestinationRule(Policy):
    """How clients speak to a host."""

    host: Value
    tls: ClientTls
    subsets: tuple[Subset, ...]
    exported: bool  # whether other namespaces see it


@frozen
class Destination:
    """Where a route leads."""

    host: Value
    port: int | None
    subset: Value | None


@frozen
class Route:
    """One route of a VirtualService."""

    node: yaml.Node
    kind: str  # http, tcp or tls
    ports: tuple[int, ...]  # that it is for; none: all
    destinations: tuple[Destination, ...]
    effects: tuple[Value, ...]  # keys that change or end calls: fault, timeout, redirect ...


@frozen
class VirtualService(Policy):
    """What becomes of calls to hosts."""

    hosts: tuple[Value, ...]
    in_mesh: bool  # whether sidecars obey it, not gateways alone
    routes: tuple[Route, ...]
    exported: bool


@frozen
class ServiceEntry(Policy):
    """Hosts that the mesh takes for known."""

    hosts: tuple[Value, ...]
    outside: bool  # MESH_EXTERNAL, as by default
    exported: bool


@frozen
class Namespace:
    """A namespace and what its labels say of the mesh."""

    name: Value
    doc: Document
    labels: dict[str, Value]
    annotations: dict[str, Value]


@frozen
class Kustomization:
    """What kustomize makes of files."""

    name: Value
    doc: Document
    resources: tuple[Value, ...]
    patches: tuple[Value, ...]  # files that hold parts of objects
    changes: bool  # whether the objects that come out differ from those that go in
