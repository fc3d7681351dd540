"""The Kubernetes objects that rules look at, typed.

They are told apart by identity: comparing them is not what anybody needs, and classes without it are made faster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import yaml

from raymesh.errors import UsageError
from raymesh.frozen import frozen
from raymesh.manifests.policies import (
    AuthorizationPolicy,
    DestinationRule,
    Kustomization,
    Namespace,
    NetworkPolicy,
    PeerAuthentication,
    RequestAuthentication,
    ServiceEntry,
    Sidecar,
    VirtualService,
)
from raymesh.manifests.reading import Document
from raymesh.manifests.resources import Resource
from raymesh.manifests.tree import Value, child, elements, pairs, scalar
from raymesh.ports import Role, Version, parse_version


@frozen
class Entry:
    """One port of a Service."""

    node: yaml.Node
    name: Value | None
    number: Value
    protocol: Value | None
    app_protocol: Value | None
    target: Value | None

    @property
    def tcp(self) -> bool:
        """Whether it is TCP, as it is where nothing is said."""
        return self.protocol is None or self.protocol.text == "TCP"


@frozen
class Container:
    """A container of a pod."""

    node: yaml.Node
    doc: Document
    name: Value | None
    image: Value | None
    environment: dict[str, Value]
    ports: tuple[Entry, ...]
    words: tuple[Value, ...]  # command and args
    limits: dict[str, Value]
    requests: dict[str, Value]

    @property
    def variables(self) -> dict[str, Value]:
        """The names of all variables, those too whose value comes from elsewhere."""
        names = (scalar(self.doc, item, "name") for item in elements(child(self.node, "env")))
        return {name.text: name for name in names if name is not None}

    @property
    def called(self) -> str:
        """Its name, empty if it has none."""
        return self.name.text if self.name else ""

    @property
    def repository(self) -> str:
        """The last part of its image's name, without the tag."""
        return repository(self.image)[0] if self.image else ""


@frozen
class UserService:
    """A Service that stands in a cluster's own spec, for KubeRay to complete."""

    node: yaml.Node
    doc: Document
    name: Value | None
    selector: yaml.Node | None
    entries: tuple[Entry, ...]


@frozen
class Group:
    """The head, or one group of workers."""

    role: Role
    name: str
    doc: Document
    node: yaml.Node
    params: dict[str, Value]
    own_command: bool  # the flags stand in the container's own `ray start`, and rayStartParams is not looked at
    flags_known: bool  # `params` is all that `ray start` gets
    repeated: tuple[Value, ...]  # keys of rayStartParams that stand there twice
    labels: dict[str, Value]
    annotations: dict[str, Value]
    image: Value | None
    environment: dict[str, Value]
    ray: Container | None
    beside: tuple[Container, ...]  # whatever else runs as long as Ray does
    misplaced: Container | None  # what stands first, where KubeRay expects Ray
    container_ports: frozenset[int]
    hosts: Value | None  # numOfHosts
    restart: Value | None  # restartPolicy
    host_network: Value | None
    dns_policy: Value | None
    service_account: Value | None
    cpu: float | None

    @property
    def params_node(self) -> yaml.Node | None:
        """The mapping rayStartParams, None where `ray start` does not get it."""
        return None if self.own_command else child(self.node, "rayStartParams")

    @property
    def variables(self) -> dict[str, Value]:
        """The names of all variables of Ray's container."""
        return self.ray.variables if self.ray else {}

    @property
    def port_names(self) -> dict[str, int]:
        """Named ports of its containers."""
        containers = (*([self.ray] if self.ray else []), *self.beside)
        return {p.name.text: n for c in containers for p in c.ports if p.name and (n := p.number.number) is not None}

    def key(self, name: str) -> Value:
        """The key of a parameter that is there."""
        if self.own_command:
            return self.params[name]
        for key, _ in pairs(self.params_node):
            if key.value == name:
                return Value(name, key, self.doc)
        raise KeyError(name)


@frozen
class Cluster:
    """A RayCluster, or the cluster inside a RayJob, RayService or RayCronJob."""

    kind: str
    name: Value
    namespace: str | None
    doc: Document
    root: yaml.Node  # the object
    spec: yaml.Node
    labels: dict[str, Value]
    annotations: dict[str, Value]
    ray_version: Value | None
    groups: tuple[Group, ...]
    tls: Value | None
    autoscaling: Value | None
    registers_by_name: bool  # KubeRay gives the nodes their names itself
    autoscaler_version: str
    auth_mode: Value | None
    redis: Value | None  # what makes the GCS keep its state in Redis
    network_mode: Value | None  # of the NetworkPolicies that KubeRay makes
    head_service: UserService | None
    serve_service: UserService | None
    serve_config: Value | None
    submission: Value | None  # how a RayJob submits

    @property
    def label(self) -> str:
        """A label value that stands for it; `generateName` ends with a dash, a label can't."""
        return self.name.text.rstrip("-")

    @property
    def name_is_known(self) -> bool:
        """Whether its pods' label `ray.io/cluster` is known before it runs."""
        return self.kind == "RayCluster" and self.label == self.name.text

    @property
    def version(self) -> Version | None:
        """The Ray version that it says, or that the head's image has."""
        return version_of(self.ray_version) or (image_version(self.groups[0].image) if self.groups else None)

    @property
    def flags_known(self) -> bool:
        """Whether all that `ray start` gets in every group is known."""
        return all(group.flags_known for group in self.groups)

    @property
    def head(self) -> Group | None:
        """Its head group."""
        return next((g for g in self.groups if g.role == "head"), None)


@frozen
class Service:
    """A Service."""

    name: Value
    namespace: str | None
    doc: Document
    spec: yaml.Node
    labels: dict[str, Value]
    selector: dict[str, Value]
    cluster_ip: Value | None
    type: Value | None
    publishes_early: Value | None
    dual_stack: bool
    families: tuple[str, ...]  # IP families as it lists them
    entries: tuple[Entry, ...]

    @property
    def headless(self) -> bool:
        """Whether its name resolves to the pods themselves."""
        return self.cluster_ip is not None and self.cluster_ip.text == "None" and not self.external

    @property
    def external(self) -> bool:
        """Whether it is of a type that is never headless."""
        return self.type is not None and self.type.text != "ClusterIP"

    @property
    def ports_node(self) -> yaml.Node | None:
        """The list of its ports."""
        return child(self.spec, "ports")

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The port numbers that it declares."""
        return frozenset(n for e in self.entries if (n := e.number.number) is not None)


@frozen
class Operator:
    """The Deployment of the KubeRay operator."""

    place: Value
    init_injection: Value | None
    domain: Value | None  # the zone of its cluster's DNS

    @property
    def doc(self) -> Document:
        """The document that it stands in."""
        return self.place.doc


@dataclass
class Objects:
    """All objects of one run that rules know."""

    clusters: list[Cluster] = field(default_factory=list)
    foreign: list[Value] = field(default_factory=list)  # apiVersion of kinds of KubeRay's names that are not KubeRay's
    services: list[Service] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    namespaces: list[Namespace] = field(default_factory=list)
    peers: list[PeerAuthentication] = field(default_factory=list)
    policies: list[AuthorizationPolicy] = field(default_factory=list)
    tokens: list[RequestAuthentication] = field(default_factory=list)
    networks: list[NetworkPolicy] = field(default_factory=list)
    sidecars: list[Sidecar] = field(default_factory=list)
    destination_rules: list[DestinationRule] = field(default_factory=list)
    virtual_services: list[VirtualService] = field(default_factory=list)
    service_entries: list[ServiceEntry] = field(default_factory=list)
    kustomizations: list[Kustomization] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)  # of every kind
    pod_name_dns: list[Value] = field(default_factory=list)  # Corefiles whose names are those of pods


def version_of(value: Value | None) -> Version | None:
    """A version as a release number, None for another word."""
    if value is None:
        return None
    try:
        return parse_version(value.text)
    except UsageError:
        return None


def image_version(image: Value | None) -> Version | None:
    """The Ray version in the tag of an image of Ray, None for other images and tags."""
    if image is None:
        return None
    name, tag = repository(image)
    if name not in ("ray", "ray-ml", "ray-llm"):
        return None
    return version_of(Value(tag, image.node, image.doc))


def repository(image: Value) -> tuple[str, str]:
    """The last part of an image's name, and its tag."""
    path = image.text.partition("@")[0].rpartition("/")[2]
    name, _, tag = path.partition(":")
    return name, tag
