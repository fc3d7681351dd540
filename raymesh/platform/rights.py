"""What raymesh may have to do on a borrowed cluster: one table, of which manifests/rbac/ and `preflight` are made.

Unit tests hold the manifests to it, and it to the calls that each mode makes of an API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kubernetes import client

from raymesh.errors import EnvironmentFault
from raymesh.manifests.patching import Doc
from raymesh.platform.kube import Kube

Mode = Literal["look", "prove"]
MODES: tuple[Mode, ...] = ("look", "prove")
SHOWN = 10  # of what is missing
# Where a right is wanted: in every namespace (or of no namespace), or in the subject's and those of the mesh.
Scope = Literal["cluster", "namespace"]


@dataclass(frozen=True)
class Right:
    """Verbs on resources of one API group, for which modes, where, and what for."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    modes: tuple[Mode, ...]
    scope: Scope
    purpose: str
    spared: bool = False  # without it less is told, and the proof is the same


RAY, MESH, NETWORK = "ray.io", "security.istio.io", "networking.istio.io"
RAY_KINDS = ("rayclusters", "rayjobs", "rayservices")
POLICIES = (
    (MESH, ("peerauthentications", "authorizationpolicies")),
    (NETWORK, ("destinationrules", "sidecars")),
    ("networking.k8s.io", ("networkpolicies",)),
)
ENDED = ("pods", "serviceaccounts")  # of what raymesh makes itself, and waits for until it is gone
# What manifests of Ray hold besides; a subject with other kinds needs rights for these as well.
APPLIED = ("services", "serviceaccounts", "configmaps", "secrets", "pods")
BOTH: tuple[Mode, ...] = MODES
PROVE: tuple[Mode, ...] = ("prove",)

RIGHTS: tuple[Right, ...] = (
    Right("", ("pods", "services"), ("get", "list"), BOTH, "cluster", "to find istiod, the operator and the witnesses"),
    Right("", ("configmaps",), ("get",), BOTH, "cluster", "to read the mesh's configuration and its root certificate"),
    Right("", ("pods/exec",), ("create", "get"), BOTH, "namespace", "to let Ray work, and to see the sockets of pods"),
    Right("", ("pods/portforward",), ("create", "get"), BOTH, "namespace", "to ask sidecars and witnesses"),
    Right("", ("pods/log",), ("get",), BOTH, "namespace", "to show the last words of what does not start", True),
    Right("", ("events",), ("list",), BOTH, "namespace", "to say why pods are not made or do not start", True),
    Right(
        "discovery.k8s.io",
        ("endpointslices",),
        ("list",),
        BOTH,
        "namespace",
        "to see who is behind the headless Service",
    ),
    Right(RAY, RAY_KINDS, ("get",), BOTH, "namespace", "to read what runs"),
    Right(MESH, ("peerauthentications",), ("list",), BOTH, "namespace", "to read which mTLS is demanded"),
    Right("telemetry.istio.io", ("telemetries",), ("list",), BOTH, "namespace", "to read how much is traced"),
    *(Right(group, kinds, ("list",), ("look",), "namespace", "to read its policies") for group, kinds in POLICIES),
    Right(
        "",
        ("namespaces",),
        ("get", "list", "watch", "create", "delete"),
        PROVE,
        "cluster",
        "to have a namespace of its own, and to wait until it is gone",
    ),
    Right("", ("nodes",), ("list",), PROVE, "cluster", "to tell whether there is room, and to listen on each", True),
    Right("", ENDED, ("list", "watch"), PROVE, "namespace", "to wait until who knocked is gone"),
    Right("", APPLIED, ("get", "create", "patch", "delete"), PROVE, "namespace", "to apply the subject and who knocks"),
    Right(
        RAY, RAY_KINDS, ("list", "create", "patch", "delete"), PROVE, "namespace", "to apply the subject, and remove it"
    ),
    Right("", ("resourcequotas",), ("list",), PROVE, "namespace", "to say beforehand what a quota does not take", True),
    Right(
        "networking.k8s.io", ("networkpolicies",), ("list", "watch"), PROVE, "namespace", "to let who knocks through"
    ),
    *(
        Right(group, kinds, ("get", "create", "patch", "delete"), PROVE, "namespace", "to apply the subject's policies")
        for group, kinds in POLICIES
    ),
)


def role(mode: Mode) -> Doc:
    """Return the ClusterRole of a mode; where its rules hold is for a binding to say."""
    rules: dict[tuple[str, str], list[str]] = {}
    for right in RIGHTS:
        if mode in right.modes:
            for resource in right.resources:
                verbs = rules.setdefault((right.group, resource), [])
                verbs += [verb for verb in right.verbs if verb not in verbs]
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), verbs in rules.items():
        alike.setdefault((group, tuple(sorted(verbs))), []).append(resource)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"raymesh-{mode}"},
        "rules": [
            {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}
            for (group, verbs), resources in alike.items()
        ],
    }


@dataclass(frozen=True)
class Missing:
    """A right that whoever asks does not have."""

    verb: str
    resource: str
    group: str
    namespace: str
    purpose: str

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind}{where} ({self.purpose})"


def missing(kube: Kube, mode: Mode, namespaces: Iterable[str]) -> tuple[Missing, ...]:
    """Return what a mode needs and whoever asks may not do; `namespaces` are the subject's and those of the mesh.

    What can be spared is not needed.
    """
    places = tuple(namespaces)
    wanted = [
        Missing(verb, resource, right.group, place, right.purpose)
        for right in RIGHTS
        if mode in right.modes and not right.spared
        for resource in right.resources
        for verb in right.verbs
        for place in (places if right.scope == "namespace" else ("",))
    ]
    return kube.asked(lambda api: tuple(one for one in dict.fromkeys(wanted) if not _may(api, one)))


def lacking(kube: Kube, mode: Mode, own: str, mesh: str) -> tuple[Missing, ...]:
    """Return what a mode lacks in the subject's namespace and, for the ways to the witnesses, in the mesh's."""
    absent = missing(kube, mode, [own, *([mesh] if mesh and mesh != own else [])])
    return tuple(one for one in absent if one.namespace != mesh or mesh == own or one.resource == "pods/portforward")


def told(absent: Sequence[Missing]) -> str:
    """Say what is missing, a few of them by name."""
    more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
    return "; ".join(str(one) for one in absent[:SHOWN]) + more


def cure(mode: Mode) -> str:
    """Say how whoever asks gets the rights of a mode."""
    return f"kubectl apply -f manifests/rbac/{mode}.yaml, and bind it to who runs raymesh"


def demand(kube: Kube, mode: Mode, own: str, mesh: str) -> None:
    """Raise EnvironmentFault where a right is missing, before anything is made or waited for."""
    absent = lacking(kube, mode, own, mesh)
    if absent:
        raise EnvironmentFault(f"whoever runs this may not: {told(absent)}", cure(mode))


def _may(api: client.ApiClient, one: Missing) -> bool:
    resource, _, part = one.resource.partition("/")
    attributes = client.V1ResourceAttributes(
        verb=one.verb, group=one.group, resource=resource, subresource=part or None, namespace=one.namespace or None
    )
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes))
    answer: Any = client.AuthorizationV1Api(api).create_self_subject_access_review(review, _request_timeout=(5, 15))
    return bool(answer.status.allowed)
