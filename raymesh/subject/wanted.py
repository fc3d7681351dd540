"""Reads a subject from manifests: what is to be proven, before anything of it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raymesh.by_version import names_by_label
from raymesh.errors import InputUnread, UsageError
from raymesh.lint.diagnostics import Diagnostic
from raymesh.lint.run import lint_texts, read_texts
from raymesh.manifests.collecting import collect
from raymesh.manifests.objects import Cluster, Group, Objects
from raymesh.manifests.patching import Doc, cluster_spec
from raymesh.manifests.patching import parse as plain
from raymesh.manifests.places import Unread
from raymesh.manifests.reading import MISSING, find_files, parse
from raymesh.manifests.relating import ADDRESS, Case, Options, fqdn_of, make_world
from raymesh.manifests.surroundings import DEFAULT_NAMESPACE
from raymesh.manifests.tree import ShapeError
from raymesh.ports import Version
from raymesh.ports.address import ZONE
from raymesh.ports.kuberay import SUBMISSION_MODES
from raymesh.subject.contracts import contract_of
from raymesh.subject.model import HEAD_GROUP, Subject

AUTOSCALER = "autoscaler"  # KubeRay's name for the container that it adds (controllers/ray/common/pod.go)
AUTOSCALER_PORT = "autoscaler-metrics"
DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True)
class Around:
    """What is known of the cluster in which a subject is to run; None where it is not."""

    ray: Version | None = None  # for a cluster that does not say its version
    kuberay: Version | None = None
    istio: tuple[int, int] | None = None
    kubernetes: tuple[int, int] | None = None
    trust_domain: str = "cluster.local"


@dataclass(frozen=True)
class Wanted:
    """What is to be proven.

    The `subject` of a RayJob or RayService goes by that object's name, `owner`, until KubeRay has made its RayCluster.
    `docs` are all objects of the manifests, as kubectl takes them, and `said` is what the linter says of them.
    """

    subject: Subject
    owner: str
    docs: tuple[Doc, ...]
    said: tuple[Diagnostic, ...]

    @property
    def named_later(self) -> bool:
        """Whether KubeRay makes up the name of its RayCluster."""
        return self.subject.kind != "RayCluster"

    @property
    def strict_of_its_own(self) -> bool:
        """Whether a PeerAuthentication of the manifests holds for the whole namespace."""
        mine = (doc for doc in self.docs if doc["kind"] == "PeerAuthentication")
        return any(
            not doc.get("spec", {}).get("selector")
            and doc["metadata"].get("namespace", self.subject.namespace) == self.subject.namespace
            for doc in mine
        )


def read(paths: Sequence[str]) -> dict[str, str]:
    """Return the texts of files, folders or standard input (`-`), by path.

    Raises UsageError where one is not there, InputUnread where it can't be read.
    """
    texts, unread = read_texts(find_files(paths), paths)
    if unread:
        kind = UsageError if unread[0].message == MISSING else InputUnread
        raise kind(f"--subject: {unread[0].place}: {unread[0].message}")
    return texts


def wanted_of(texts: Mapping[str, str], around: Around) -> Wanted:
    """Read a subject from texts by their path. Raises UsageError where they are none, or more than one."""
    options = Options(mesh=True, ray=around.ray, istio=around.istio, kubernetes=around.kubernetes)
    case = _only_one(make_world(_objects(texts), options))
    docs = tuple(doc for text in texts.values() for doc in _unpacked(plain(text)))
    cluster = case.cluster
    own = _own(docs, cluster)
    spec = cluster_spec(own)
    _check_mode(own, around.kuberay)
    version = cluster.version or around.ray
    if version is None:
        raise UsageError(
            f"--subject: {_name(cluster)} does not say its version of Ray: set rayVersion in its spec, or take an "
            "image whose tag is one"
        )
    service, suffix = _names(case)
    namespace = cluster.namespace or DEFAULT_NAMESPACE
    name = cluster.name.text
    workload = name if cluster.kind == "RayCluster" else NAMED_LATER
    kinds = {group.name if group.role == "worker" else HEAD_GROUP: group for group in cluster.groups}
    elastic = bool(cluster.autoscaling and cluster.autoscaling.true)
    workers = {str(group.get("groupName", "worker")): group for group in spec.get("workerGroupSpecs") or []}
    made = contract_of(cluster, version, case.services, around.kuberay)
    monitor = {port.numbers[0]: AUTOSCALER for port in made.ports if port.name == AUTOSCALER_PORT and port.numbers}
    subject = Subject(
        kind=cluster.kind,
        name=name,
        namespace=namespace,
        headless_service=service,
        head_service=(cluster.head_service and cluster.head_service.name and cluster.head_service.name.text)
        or f"{name}-head-svc",
        tracing_services=frozenset(
            f"{_traced_as(group, workload, around.istio)}.{namespace}" for group in cluster.groups
        ),
        contract=made,
        groups={HEAD_GROUP: 1, **{group: _replicas(one) for group, one in workers.items()}},
        service_accounts=frozenset(
            group.service_account.text if group.service_account else DEFAULT_ACCOUNT for group in cluster.groups
        ),
        trust_domain=around.trust_domain,
        suffix=suffix,
        elastic={group: _ends(one) for group, one in workers.items()} if elastic else {},
        beside={
            group: {**_beside(one), **(monitor if elastic and one.role == "head" else {})}
            for group, one in kinds.items()
        },
    )
    return Wanted(subject, name, docs, tuple(lint_texts(texts, options, named=texts).findings))


def _check_mode(doc: Doc, kuberay: Version | None) -> None:
    """Raise UsageError for a submissionMode that this KubeRay does not know: it would do nothing, without a word."""
    mode = doc["spec"].get("submissionMode") if doc["kind"] == "RayJob" else None
    since = SUBMISSION_MODES.get(str(mode))
    if since is not None and kuberay is not None and kuberay < since:
        raise UsageError(
            f"--subject: RayJob {doc['metadata']['name']} has submissionMode {mode}, which KubeRay knows from {since} "
            f"on, and this is {kuberay}: take another mode, or a newer KubeRay"
        )


def _objects(texts: Mapping[str, str]) -> Objects:
    objects = Objects()
    for path, text in texts.items():
        for item in parse(path, text):
            if isinstance(item, Unread):
                raise InputUnread(f"--subject: {item.place}: {item.message}")
            try:
                collect(item, objects)
            except ShapeError as error:
                raise InputUnread(f"--subject: {item.place(error.node)}: {error.inside(item.root)}") from None
    return objects


def _only_one(world: Any) -> Case:
    cases: list[Case] = [case for case in world.cases if case.cluster.kind != "RayCronJob"]
    if not cases and world.ambient:
        raise UsageError(
            f"--subject: {_name(world.ambient[0].cluster)} is in an ambient mesh: without sidecars there are no "
            "witnesses of its calls. Prove it with sidecars, or check it with `raymesh ports lint`"
        )
    if len(cases) != 1:
        names = ", ".join(_name(case.cluster) for case in cases) or "none"
        raise UsageError(
            f"--subject: one RayCluster, RayJob or RayService is proven at a time, and the manifests have {names}: "
            "name the files of one"
        )
    if cases[0].cluster.head is None:
        raise UsageError(f"--subject: {_name(cases[0].cluster)} has no headGroupSpec")
    return cases[0]


def _name(cluster: Cluster) -> str:
    return f"{cluster.kind} {cluster.name.text}"


def _unpacked(docs: Iterable[Doc]) -> Iterable[Doc]:
    """The objects, those of Lists among them."""
    for doc in docs:
        if doc.get("kind") == "List":
            yield from _unpacked(doc.get("items") or [])
        else:
            yield doc


def _own(docs: Iterable[Doc], cluster: Cluster) -> Doc:
    return next(
        doc for doc in docs if doc.get("kind") == cluster.kind and doc["metadata"].get("name") == cluster.name.text
    )


def _names(case: Case) -> tuple[str, str]:
    """The headless Service, and what follows the dashed address in the names of nodes; both empty where neither is."""
    told = {g.params[ADDRESS].text.strip() for g in case.cluster.groups if ADDRESS in g.params}
    named = {found for g in case.cluster.groups if ADDRESS in g.params and (found := fqdn_of(g.params[ADDRESS]))}
    if len(named) > 1:
        raise UsageError(
            f"--subject: the nodes of {_name(case.cluster)} go by names in several Services, "
            f"{', '.join(sorted(service for service, _ in named))}: give every group the same one"
        )
    service = next((service for service, _ in named), case.service.name.text if case.service else "")
    if not case.services:
        return "", ""
    suffixes = {text.rpartition(f".{service}.")[2] for text in told} if named else set()
    suffix = next((f"{service}.{rest}" for rest in sorted(suffixes)), "")
    zone = suffix.partition(".svc")[2].lstrip(".")
    if zone not in ("", ZONE):
        raise UsageError(f"--subject: names of nodes end with {zone}, and the zone of a cluster's DNS is {ZONE} here")
    return service, suffix


def _traced_as(group: Group, workload: str, istio: tuple[int, int] | None) -> str:
    """The name that the sidecars give a group's pods in traces (istio pkg/kube/labels/labels.go GetApp, 1.21, 1.30)."""
    if "app" in group.labels:
        return group.labels["app"].text
    return KUBERAY if istio is not None and names_by_label(istio) else workload


NAMED_LATER = "<RayCluster>"  # in place of a name that KubeRay makes up
KUBERAY = "kuberay"  # its value of app.kubernetes.io/name


def _replicas(group: Doc) -> int:
    """Pods of a group: KubeRay keeps the replicas between their ends (GetWorkerGroupDesiredReplicas, utils/util.go)."""
    if group.get("suspend"):
        return 0
    least, most = _of_group(group)
    return min(max(int(group.get("replicas", least)), least), most) * int(group.get("numOfHosts", 1))


def _ends(group: Doc) -> tuple[int, int]:
    least, most = _of_group(group)
    hosts = int(group.get("numOfHosts", 1))
    return least * hosts, most * hosts


def _of_group(group: Doc) -> tuple[int, int]:
    """Least and most replicas, with the defaults of KubeRay's CRD (apis/ray/v1/raycluster_types.go, 1.1.0)."""
    return int(group.get("minReplicas", 0)), int(group.get("maxReplicas", 2**31 - 1))


def _beside(group: Group) -> dict[int, str]:
    """What containers of the user's own listen on, as far as they say it."""
    return {
        number: container.called
        for container in group.beside
        for port in container.ports
        if (number := port.number.number) is not None
    }


def named(subject: Subject, cluster: str, head_service: str, *, owner: str) -> Subject:
    """Return a subject whose RayCluster KubeRay has made."""
    traced = {name.replace(NAMED_LATER, cluster) for name in subject.tracing_services}
    return replace(subject, name=cluster, head_service=head_service, tracing_services=frozenset(traced), owner=owner)
