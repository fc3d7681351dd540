"""The subject itself: a Ray cluster, its pods and ports, and the names that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from raymesh.ports import Contract, Role
from raymesh.witness.pods import SIDECAR, Pod

CLUSTER_LABEL, TYPE_LABEL, GROUP_LABEL = "ray.io/cluster", "ray.io/node-type", "ray.io/group"
HEAD_GROUP = "headgroup"  # KubeRay's name for it (ray-operator/controllers/ray/utils/constant.go, 1.1.0 to 1.6.0)
ROLES: tuple[Role, ...] = ("head", "worker")


@dataclass(frozen=True)
class RayPod:
    """A pod of the subject, and the name under which its node registers with Ray."""

    pod: Pod
    role: Role
    group: str
    host: str  # FQDN in the headless Service; its address where there is none
    container: str  # the one that runs `ray start`: KubeRay takes the first that is no sidecar

    @property
    def name(self) -> str:
        return self.pod.name

    @property
    def ip(self) -> str:
        return self.pod.ip


@dataclass(frozen=True)
class Subject:
    """A RayCluster (or the one of a RayJob or RayService) with its headless Service and its port contract.

    `headless_service` is empty where there is none: its nodes then go by their addresses. `groups` says how many pods
    each group has, the head's among them; `elastic` the least and the most of those that an autoscaler changes.
    `tracing_services` are Jaeger's names for its pods, `service_accounts` those that its pods have to run as.
    `beside` is, by group, who listens in its pods besides Ray and the sidecar: container by port. `domain` is the zone
    of the cluster's DNS, `trust_domain` that of the mesh's identities, and `suffix` what follows the dashed address in
    the name of a node, where that is not the headless Service's full name. `owner` is the RayJob or RayService whose
    RayCluster it is, by name; empty where nobody made it for another.
    """

    kind: str
    name: str
    namespace: str
    headless_service: str
    head_service: str
    tracing_services: frozenset[str]
    contract: Contract
    groups: Mapping[str, int]
    service_accounts: frozenset[str]
    domain: str = "cluster.local"
    trust_domain: str = "cluster.local"
    suffix: str = ""
    owner: str = ""
    elastic: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    beside: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    @property
    def selector(self) -> str:
        """The label selector of its pods."""
        return f"{CLUSTER_LABEL}={self.name}"

    @property
    def headless_host(self) -> str:
        """FQDN of the headless Service, empty where there is none."""
        return self.headless_service and f"{self.headless_service}.{self.namespace}.svc.{self.domain}"

    @property
    def head_host(self) -> str:
        """FQDN of KubeRay's head Service."""
        return f"{self.head_service}.{self.namespace}.svc.{self.domain}"

    @property
    def size(self) -> int:
        """How many Ray pods there are to be; of an elastic group, the least."""
        return sum(self.groups.values())

    def counts(self, group: str) -> tuple[int, int]:
        """Return the least and the most pods that a group may have."""
        return self.elastic.get(group, (self.groups[group], self.groups[group]))

    @property
    def identities(self) -> frozenset[str]:
        """The SPIFFE names of its pods."""
        return frozenset(self.spiffe(account) for account in self.service_accounts)

    def spiffe(self, account: str) -> str:
        """Return the SPIFFE name of a service account of its namespace."""
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{account}"

    def host(self, ip: str) -> str:
        """Return the name under which the node with this address registers: the address itself without a Service."""
        suffix = self.suffix or self.headless_host
        return f"{dashed(ip)}.{suffix}" if suffix else ip

    def members(self, pods: Sequence[Pod]) -> tuple[RayPod, ...]:
        """Return its Ray pods among `pods`, the head first, then by group and name."""
        mine = [p for p in pods if p.namespace == self.namespace and p.labels.get(CLUSTER_LABEL) == self.name]
        found = [
            RayPod(pod, role, pod.labels.get(GROUP_LABEL, ""), self.host(pod.ip), _ray_container(pod))
            for pod in mine
            if (role := _role(pod)) is not None
        ]
        return tuple(sorted(found, key=lambda one: (ROLES.index(one.role), one.group, one.name)))


def by_role(members: Sequence[RayPod]) -> Mapping[Role, Sequence[RayPod]]:
    """Return the Ray pods by their role; a role without pods is an empty list."""
    return {role: [one for one in members if one.role == role] for role in ROLES}


def head_of(members: Sequence[RayPod]) -> RayPod:
    """Return the head. Raises LookupError where there is none, or more than one."""
    heads = by_role(members)["head"]
    if len(heads) != 1:
        raise LookupError(f"one head is wanted, and the Ray pods have {len(heads)}")
    return heads[0]


def dashed(ip: str) -> str:
    """Return an address as a part of a name: 10.0.0.7 is 10-0-0-7."""
    return ip.replace(".", "-").replace(":", "-")


def _role(pod: Pod) -> Role | None:
    kind = pod.labels.get(TYPE_LABEL)
    return next((role for role in ROLES if role == kind), None)


def _ray_container(pod: Pod) -> str:
    own = [container.name for container in pod.containers if container.name != SIDECAR]
    return own[0] if own else ""
