"""RM100 and RM101: the pod that submits a RayJob, which is none of the cluster's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import yaml

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.membership import INJECT, Membership, membership
from raymesh.manifests.objects import Cluster, Group
from raymesh.manifests.relating import Case, World
from raymesh.manifests.surroundings import Member
from raymesh.manifests.tree import child, scalar, scalars
from raymesh.ports.kuberay import DEFAULT_HEAD_PORTS

_SPECS = {"RayJob": ("spec",), "RayCronJob": ("spec", "jobTemplate")}
_TEMPLATE, _BY_POD = "submitterPodTemplate", ("", "K8sJobMode")
_NATIVE = "sidecar.istio.io/nativeSidecar"
_ENDS_PROXY = "quitquitquit"  # a path of the sidecar's agent: who calls it ends the sidecar
_DASHBOARD_FLAG, _DASHBOARD = "dashboard-port", DEFAULT_HEAD_PORTS["dashboard"]
_OPEN = ("PERMISSIVE", "DISABLE")


@rule("RM100", Severity.WARNING, "submitter with a sidecar that does not end")
def rm100(world: World) -> Iterator[Hit]:
    """KubeRay waits for the submitter's Job, and a Job whose pod has a sidecar that is no native one never ends."""
    if world.options.native_sidecars:
        return
    known = world.options.istio is not None and world.options.kubernetes is not None
    for case, submitter in _submitters(world):
        native = submitter.group.annotations.get(_NATIVE)
        if submitter.membership is not Membership.SIDECAR or (native is not None and native.true):
            continue
        if _ends_its_proxy(submitter.group.node):
            continue
        name = case.cluster.name.text
        yield Hit(
            at(case.cluster.submission or case.cluster.name),
            f"the pod that submits {case.cluster.kind} {name} gets a sidecar, which does not end by itself"
            + ("" if known else " before Istio 1.27 and Kubernetes 1.33")
            + f": its Job never ends, and {name} stays Running when the work is done",
            f"native sidecars (say --istio and --kubernetes), or {INJECT}: 'false' in {_TEMPLATE}'s labels and a "
            "dashboard that takes plaintext",
            severity=Severity.ERROR if known else None,
        )


@rule("RM101", Severity.ERROR, "submitter outside the mesh under STRICT")
def rm101(world: World) -> Iterator[Hit]:
    """The submitter calls the dashboard in plaintext, and the head's sidecar refuses it."""
    for case, submitter in _submitters(world):
        head = next((m for m in case.members if m.group.role == "head"), None)
        if head is None or not head.meshed or not _left_out(case, submitter) or _dashboard_is_open(case, head):
            continue
        where = scalars(submitter.group.doc, child(submitter.group.node, "metadata", "labels")).get(INJECT)
        yield Hit(
            at(where or case.cluster.submission or case.cluster.name),
            f"the pod that submits {case.cluster.kind} {case.cluster.name.text} has no sidecar, and STRICT refuses its "
            "plaintext to the dashboard: the job is never submitted",
            f"{INJECT}: 'true' in {_TEMPLATE}'s labels with native sidecars, or a PERMISSIVE dashboard port",
        )


def _submitters(world: World) -> Iterator[tuple[Case, Member]]:
    """Jobs of clusters in the mesh whose submitter is a pod of its own, with that pod as the mesh sees it."""
    for case in world.meshed:
        cluster, head = case.cluster, case.cluster.head
        spec = child(cluster.root, *_SPECS[cluster.kind]) if cluster.kind in _SPECS else None
        if spec is None or head is None or not case.members or child(spec, "clusterSelector") is not None:
            continue
        mode = scalar(cluster.doc, spec, "submissionMode")
        if mode is None or mode.text in _BY_POD:
            yield case, _as_member(cluster, case.members[0], head, child(spec, _TEMPLATE))


def _as_member(cluster: Cluster, beside: Member, head: Group, template: yaml.Node | None) -> Member:
    pod = replace(
        head,
        node=template or yaml.MappingNode("tag:yaml.org,2002:map", []),
        labels=scalars(cluster.doc, child(template, "metadata", "labels")),
        annotations=scalars(cluster.doc, child(template, "metadata", "annotations")),
        host_network=scalar(cluster.doc, template, "spec", "hostNetwork"),
    )
    part = membership(pod, beside.space)
    return Member(cluster, pod, beside.space, part, part)


def _left_out(case: Case, submitter: Member) -> bool:
    """Whether it has no sidecar: something says so, or the cluster's pods ask for theirs by labels that it lacks."""
    if submitter.membership is Membership.UNKNOWN:
        return all(m.asked is Membership.SIDECAR and INJECT in m.group.labels for m in case.members)
    return submitter.membership is Membership.OUT


def _dashboard_is_open(case: Case, head: Member) -> bool:
    """Whether the head takes plaintext at its dashboard."""
    told = head.group.params.get(_DASHBOARD_FLAG)
    number = (told.number if told is not None else None) or _DASHBOARD
    rank = case.around.peer_rank(head)
    nearest = next((p.port_modes.get(str(number)) for p in rank if p.port_modes), None)
    return nearest.text in _OPEN if nearest is not None else case.around.peer_mode(head) != "STRICT"


def _ends_its_proxy(node: yaml.Node) -> bool:
    """Whether a word of it says that the sidecar is ended by whoever works beside it."""
    if isinstance(node, yaml.ScalarNode):
        return _ENDS_PROXY in node.value
    parts = node.value if isinstance(node, yaml.SequenceNode) else [v for _, v in node.value]
    return any(_ends_its_proxy(part) for part in parts)
