"""What stands around a cluster: its namespace and the policies that bear on its pods, indexed once for all."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from raymesh.frozen import frozen
from raymesh.manifests.maybe import Maybe
from raymesh.manifests.membership import Membership, asked, membership
from raymesh.manifests.objects import Cluster, Group, Objects
from raymesh.manifests.policies import Namespace, PeerAuthentication, Policy
from raymesh.manifests.reading import Document

CLUSTER_LABEL = "ray.io/cluster"
ROOT_NAMESPACE = "istio-system"
DEFAULT_NAMESPACE = "default"
_NOT_YET = "9999"  # what a file alone has is created after what a cluster has


class Placed(Protocol):
    """What lies in a namespace, and in a file."""

    @property
    def namespace(self) -> str | None:
        """The namespace that it says."""

    @property
    def doc(self) -> Document:
        """The document."""


P = TypeVar("P", bound=Placed)


@frozen
class Member:
    """A group of a cluster, as the mesh sees it."""

    cluster: Cluster
    group: Group
    space: Namespace | None  # its namespace, where the input has it
    asked: Membership  # what labels ask for
    membership: Membership

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labels of its pods."""
        return pod_labels(self.cluster, self.group)

    @property
    def space_labels(self) -> dict[str, str]:
        """Labels of its namespace, those that the input has."""
        return {k: v.text for k, v in self.space.labels.items()} if self.space else {}

    @property
    def meshed(self) -> bool:
        """Whether it has a sidecar, or would have one if its namespace is as others say."""
        return self.membership in (Membership.SIDECAR, Membership.UNKNOWN)


def pod_labels(cluster: Cluster, group: Group) -> dict[str, str]:
    """Labels of a group's pods: the template's and KubeRay's."""
    labels = {
        "ray.io/is-ray-node": "yes",
        "app.kubernetes.io/name": "kuberay",
        "app.kubernetes.io/created-by": "kuberay-operator",
        **{key: value.text for key, value in group.labels.items()},
        "ray.io/node-type": group.role,
        "ray.io/group": "headgroup" if group.role == "head" else group.name,
    }
    labels.pop(CLUSTER_LABEL, None)
    if cluster.name_is_known:
        labels[CLUSTER_LABEL] = cluster.name.text
    return labels


def together(one: Placed, other: Placed) -> bool:
    """Whether two objects lie in one namespace.

    One that says none goes wherever kubectl is told: with those of its folder, and not with those of another one.
    """
    if one.namespace is not None and other.namespace is not None:
        return one.namespace == other.namespace
    return posixpath.dirname(one.doc.path) == posixpath.dirname(other.doc.path)


class _Shelf(Generic[P]):
    """Objects of one kind by their namespace."""

    def __init__(self, found: Iterable[P]) -> None:
        self._by_space: dict[str | None, list[P]] = defaultdict(list)
        for policy in found:
            self._by_space[policy.namespace].append(policy)

    def of(self, cluster: Cluster) -> list[P]:
        """Objects of the cluster's namespace and of the mesh's root."""
        if not self._by_space:
            return []
        spaces = [cluster.namespace, None] if cluster.namespace else list(self._by_space)
        own = [p for space in spaces for p in self._by_space.get(space, ()) if together(p, cluster)]
        seen = {id(p) for p in own}
        return own + [p for p in self._by_space.get(ROOT_NAMESPACE, ()) if id(p) not in seen]


class Surroundings:
    """Namespaces and policies of the input."""

    def __init__(self, objects: Objects) -> None:
        self.services = _Shelf(objects.services)
        self._spaces = {n.name.text: n for n in objects.namespaces}
        self.peers = _Shelf(objects.peers)
        self.policies = _Shelf(objects.policies)
        self.tokens = _Shelf(objects.tokens)
        self.networks = _Shelf(objects.networks)
        self.sidecars = _Shelf(objects.sidecars)
        self.destination_rules = _Shelf(objects.destination_rules)
        self.virtual_services = _Shelf(objects.virtual_services)
        self.service_entries = _Shelf(objects.service_entries)

    def members(self, cluster: Cluster) -> tuple[Member, ...]:
        """The groups of a cluster, as the mesh sees them."""
        space = self._spaces.get(cluster.namespace or DEFAULT_NAMESPACE)
        return tuple(Member(cluster, g, space, asked(g, space), membership(g, space)) for g in cluster.groups)

    def mentioned(self, cluster: Cluster, members: Sequence[Member]) -> bool:
        """Whether a policy of the mesh is for its namespace or its pods. One for the whole mesh does not count."""
        if any(p.namespace != ROOT_NAMESPACE and _may_hold(p, members) for p in self.peers.of(cluster)):
            return True
        others = (*self.policies.of(cluster), *self.tokens.of(cluster), *self.sidecars.of(cluster))
        return any(p.namespace != ROOT_NAMESPACE and not p.selector.empty and _holds(p, members) for p in others)

    def peer_levels(self, member: Member) -> list[list[PeerAuthentication]]:
        """PeerAuthentications that bear on a group: its workload's, its namespace's, the mesh's.

        Of each level Istio takes the oldest one, and that of the first name where they are of the same second, as those
        of one `kubectl apply` mostly are (ComposePeerAuthentication, configCompareByCreationTime in istio/istio 1.31).
        """
        bearing = [p for p in self.peers.of(member.cluster) if bears_on(p, member) is True]
        bearing.sort(key=lambda p: (p.created or _NOT_YET, p.name.text))
        mesh = [p for p in bearing if p.namespace == ROOT_NAMESPACE and p.selector.empty]
        own = [p for p in bearing if p.namespace != ROOT_NAMESPACE]
        return [[p for p in own if not p.selector.empty], [p for p in own if p.selector.empty], mesh]

    def peer_rank(self, member: Member) -> list[PeerAuthentication]:
        """The PeerAuthentications in force for a group, the nearest first: one of its workload, namespace, mesh."""
        return [level[0] for level in self.peer_levels(member) if level]

    def peer_mode(self, member: Member) -> str | None:
        """What mTLS a group asks of those who connect, by Istio's precedence; None where nothing says it."""
        told = (p.mode.text for p in self.peer_rank(member) if p.mode is not None and p.mode.text != "UNSET")
        return next(told, None)


def bears_on(policy: Policy, member: Member) -> Maybe:
    """Whether a policy of the same namespace, or of the root, selects the pods of a group."""
    return policy.selector.holds(member.labels)


def _holds(policy: Policy, members: Sequence[Member]) -> bool:
    return any(bears_on(policy, m) is True for m in members)


def _may_hold(policy: Policy, members: Sequence[Member]) -> bool:
    return not members or _holds(policy, members)
