"""How the objects of one run belong together: which Service carries which cluster, and what the mesh does to it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from raymesh.frozen import frozen
from raymesh.manifests.kustomize import Unrendered, split
from raymesh.manifests.membership import INJECT, Membership
from raymesh.manifests.objects import Cluster, Entry, Group, Objects, Service
from raymesh.manifests.opened import opened
from raymesh.manifests.surroundings import CLUSTER_LABEL, Member, Surroundings, pod_labels
from raymesh.manifests.tree import Value
from raymesh.ports import NEWEST, Contract, Port, Version, contract
from raymesh.ports.limits import WIDEST

HEADLESS_LABEL = "ray.io/headless-worker-svc"
ADDRESS = "node-ip-address"
# ADDRESS-OF-POD.SERVICE.NAMESPACE.svc[.ZONE]
_STEP = r"[a-z][a-z0-9-]*|\$[({]?\w+[)}]?"  # a name, or a variable of the shell
_FQDN = re.compile(rf"\.(?P<service>{_STEP})\.(?P<namespace>{_STEP})\.svc(?:\.[a-z0-9.-]+)?\s*$")
_LONGEST_ADDRESS = 1024  # a name has 253 characters, and a command that prints it a few more
_ENOUGH_RAY_PORTS = 3


@frozen
class Options:
    """What the person who lints knows beyond the manifests."""

    mesh: bool = False  # the clusters run in a mesh, whatever the manifests say
    ray: Version | None = None  # for clusters that don't say their version
    istio: tuple[int, int] | None = None
    kubernetes: tuple[int, int] | None = None
    widest: int = WIDEST  # worker ports that a Service should hold at most

    @property
    def native_sidecars(self) -> bool:
        """Whether sidecars start before init containers: Istio 1.27 and kubelet 1.33 are both needed."""
        return (self.istio or (0, 0)) >= (1, 27) and (self.kubernetes or (0, 0)) >= (1, 33)


@frozen
class Case:
    """A cluster in a mesh with all that bears on it."""

    cluster: Cluster
    contract: Contract
    services: tuple[Service, ...]  # that mean to be its headless Service
    around: Surroundings
    members: tuple[Member, ...]  # its groups, as the mesh sees them

    @cached_property
    def _opened(self) -> dict[int, Port]:
        return opened(self.cluster, self.contract)

    def owner_of(self, number: int | None) -> Port | None:
        """Who opens a number in any group, with the ports of the head Service and those that are allowed."""
        if number is None:
            return None
        port = self._opened.get(number)
        if port is None:
            known = self.contract.port_at(number)
            return known if known and known.declared_in != "headless" else None
        return port

    @property
    def service(self) -> Service | None:
        """The Service that declares its ports."""
        return self.services[0] if self.services else None

    @cached_property
    def known_entries(self) -> tuple[tuple[Entry, Port], ...]:
        """Entries of its Services whose numbers its groups open, with who does."""
        entries = (e for service in self.services for e in service.entries)
        return tuple((e, port) for e in entries if (port := self.owner_of(e.number.number)) is not None)

    @cached_property
    def ray_tls(self) -> Value | None:
        """What switches Ray's own TLS on in this cluster."""
        told = [g.environment.get("RAY_USE_TLS") for g in self.cluster.groups]
        return next((v for v in (self.cluster.tls, *told) if v and (v.true or v.text == "1")), None)

    @property
    def ambient(self) -> bool:
        """Whether it is in the mesh without any sidecar."""
        asked = {member.asked for member in self.members}
        return Membership.AMBIENT in asked and asked <= {Membership.AMBIENT, Membership.OUT}

    @property
    def strict(self) -> bool:
        """Whether the mesh refuses plaintext at any of its pods."""
        return any(self.around.peer_mode(member) == "STRICT" for member in self.members)


@dataclass
class World:
    """All that one run of the linter sees."""

    objects: Objects
    options: Options = field(default_factory=Options)
    cases: list[Case] = field(default_factory=list)  # clusters with sidecars
    ambient: list[Case] = field(default_factory=list)  # clusters whose nodes' ztunnels encrypt for them
    members: list[Member] = field(default_factory=list)  # groups of all clusters
    unrendered: Unrendered = field(default_factory=Unrendered)

    @property
    def meshed(self) -> Iterator[Case]:
        """Clusters in the mesh, in either way."""
        yield from self.cases
        yield from self.ambient

    @property
    def pairs(self) -> Iterator[tuple[Case, Service]]:
        """Clusters in a mesh with each Service that means to be theirs."""
        for case in self.cases:
            for service in case.services:
                yield case, service


def make_world(objects: Objects, options: Options) -> World:
    """Find out what belongs together."""
    objects, unrendered = split(objects)
    world = World(objects, options, unrendered=unrendered)
    index = _Index(objects.services)
    around = Surroundings(objects)
    contracts: dict[Version, Contract] = {}
    for cluster in objects.clusters:
        services = tuple(index.meant_for(cluster))
        members = around.members(cluster)
        world.members.extend(members)
        if options.mesh or _in_mesh(cluster, members, around, services):
            version = cluster.version or options.ray or NEWEST
            if version not in contracts:
                contracts[version] = contract(version, serve=True)
            case = Case(cluster, contracts[version], services, around, members)
            (world.ambient if case.ambient else world.cases).append(case)
    return world


def fqdn_of(value: Value) -> tuple[str, str] | None:
    """Service and namespace that a node address names, None if it names none."""
    found = _FQDN.search(value.text) if len(value.text) <= _LONGEST_ADDRESS else None
    return (found["service"], found["namespace"]) if found else None


def same_namespace(one: str | None, other: str | None) -> bool:
    """Whether two objects lie together; one without a namespace goes wherever kubectl is told."""
    return one is None or other is None or one == other


def selects(service: Service, cluster: Cluster, group: Group) -> bool:
    """Whether the Service's selector holds for the pods of a group."""
    labels = pod_labels(cluster, group)
    return bool(service.selector) and all(labels.get(k) == v.text for k, v in service.selector.items())


def selects_all(service: Service, cluster: Cluster) -> bool:
    """Whether the Service's selector holds for every pod of a cluster."""
    return all(selects(service, cluster, group) for group in cluster.groups)


def _in_mesh(
    cluster: Cluster, members: tuple[Member, ...], around: Surroundings, services: tuple[Service, ...]
) -> bool:
    """Whether something in the input says that a cluster is in a mesh, and nothing that it is not."""
    asked = {member.asked for member in members}
    if asked & {Membership.SIDECAR, Membership.AMBIENT}:
        return True
    if members and asked == {Membership.OUT}:
        return False
    told = any(INJECT in g.labels or INJECT in g.annotations for g in cluster.groups)
    named = any(ADDRESS in g.params and fqdn_of(g.params[ADDRESS]) is not None for g in cluster.groups)
    return told or named or bool(services) or around.mentioned(cluster, members)


class _Index:
    """Finds the Services that mean to be a cluster's headless one, without comparing all with all."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._by_name: dict[str, list[Service]] = defaultdict(list)
        self._by_cluster: dict[str, list[Service]] = defaultdict(list)
        self._others: list[Service] = []
        for service in services:
            self._by_name[service.name.text].append(service)
            keys = {v.text for v in (service.selector.get(CLUSTER_LABEL), service.labels.get(HEADLESS_LABEL)) if v}
            for key in keys:
                self._by_cluster[key].append(service)
            if not keys and service.selector:
                self._others.append(service)

    def meant_for(self, cluster: Cluster) -> list[Service]:
        """Services of its namespace that name it, that its nodes name, or that select its pods; nearest first."""
        addresses = [g.params[ADDRESS] for g in cluster.groups if ADDRESS in g.params]
        named = {names[0] for a in addresses if (names := fqdn_of(a))}
        found = [s for name in sorted(named) for s in self._by_name.get(name, [])]
        if not found:
            found = self._by_ports(cluster)
        unique = list({id(s): s for s in found if _near(s, cluster, named)}.values())
        same_file = [s for s in unique if s.doc.path == cluster.doc.path]
        return same_file or unique

    def _by_ports(self, cluster: Cluster) -> list[Service]:
        """Services that no node names: found by what they select and declare."""
        found = [s for s in self._by_cluster.get(cluster.name.text, []) if _is_node_service(s, cluster)]
        return found + [s for s in self._others if s.headless and _fits(s) and selects_all(s, cluster)]


def _near(service: Service, cluster: Cluster, named: set[str]) -> bool:
    return same_namespace(service.namespace, cluster.namespace) or service.name.text in named


def _is_node_service(service: Service, cluster: Cluster) -> bool:
    """Whether a Service that names the cluster is for its nodes, not one for users of the head."""
    label = service.labels.get(HEADLESS_LABEL)
    if label is not None and label.text == cluster.name.text:
        return True
    return set(service.selector) == {CLUSTER_LABEL} and _fits(service)


def _fits(service: Service) -> bool:
    """Whether it declares ports that only Ray nodes dial."""
    own = {p.number for p in contract().headless_ports()}
    return len(service.numbers & own) >= _ENOUGH_RAY_PORTS
