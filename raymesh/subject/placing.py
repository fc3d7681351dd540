"""What is applied of a subject's manifests: as they stand, but for the namespace and the images that serve here."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from raymesh.errors import UsageError
from raymesh.manifests.patching import Doc, cluster_spec, pod_templates
from raymesh.ports import parse_version
from raymesh.subject.wanted import DEFAULT_ACCOUNT, Wanted

FIRST = ("Namespace", "ServiceAccount", "Secret", "ConfigMap", "ResourceQuota", "LimitRange")
KUBERAY = "ray.io/"
ENFORCE = "pod-security.kubernetes.io/enforce"
RAY_IMAGES = ("ray", "ray-ml", "ray-llm")
# Kinds that lie in no namespace, of those that manifests of Ray hold.
OF_THE_CLUSTER = frozenset(
    ("Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass", "PriorityClass")
)


def in_order(docs: Iterable[Doc]) -> list[Doc]:
    """Return documents as they have to come: what others need, then Services and policies, and Ray's own at last."""

    def rank(doc: Doc) -> int:
        if doc["kind"] in FIRST:
            return FIRST.index(doc["kind"])
        return len(FIRST) + (str(doc.get("apiVersion", "")).startswith(KUBERAY))

    return sorted(docs, key=rank)


def moved(wanted: Wanted, namespace: str) -> Wanted:
    """Return a subject with all its objects in another namespace, and what names it by its namespace changed with it.

    Raises UsageError where its objects lie in several namespaces, or in none.
    """
    old = wanted.subject.namespace
    others = sorted({str(space) for doc in wanted.docs if (space := _namespace(doc, old)) not in (old, None)})
    if others:
        raise UsageError(
            f"the manifests have objects in {', '.join(others)} besides {old}: what lies in several namespaces "
            "can't be moved into one; make these namespaces yourself and leave --namespace away"
        )
    alone = sorted(f"{doc['kind']} {doc['metadata'].get('name')}" for doc in wanted.docs if _of_cluster(doc))
    if alone:
        raise UsageError(f"{', '.join(alone)}: not in a namespace, so it would stay; take it out of --subject")
    change = _Renaming(old, namespace)
    docs = []
    for doc in wanted.docs:
        if doc["kind"] == "Namespace":
            continue  # raymesh makes its own
        there: Doc = change(copy.deepcopy(doc))
        there["metadata"]["namespace"] = namespace
        docs.append(there)
    subject = replace(
        wanted.subject,
        namespace=namespace,
        suffix=change(wanted.subject.suffix),
        tracing_services=frozenset(
            f"{name.removesuffix(f'.{old}')}.{namespace}" for name in wanted.subject.tracing_services
        ),
    )
    return replace(wanted, subject=subject, docs=tuple(docs))


def _namespace(doc: Doc, default: str) -> str | None:
    if doc["kind"] in OF_THE_CLUSTER:
        return None
    return str(doc["metadata"].get("namespace", default))


def _of_cluster(doc: Doc) -> bool:
    return doc["kind"] in OF_THE_CLUSTER - {"Namespace"}


def enforced(docs: Iterable[Doc]) -> dict[str, str]:
    """Return which PodSecurity namespaces enforce, by their name, where that is one that takes no istio-init.

    The levels are those of pod-security-admission (Kubernetes 1.25 to 1.36): neither lets NET_ADMIN and NET_RAW in.
    """
    found = {}
    for doc in docs:
        level = (doc["metadata"].get("labels") or {}).get(ENFORCE, "") if doc["kind"] == "Namespace" else ""
        if level in ("baseline", "restricted"):
            found[doc["metadata"]["name"]] = level
    return found


def refuse_what_takes_no_sidecar(wanted: Wanted) -> None:
    """Raise UsageError where a namespace of the manifests would take no sidecar of a cluster made here."""
    for name, level in enforced(wanted.docs).items():
        raise UsageError(
            f"--subject: Namespace {name} enforces PodSecurity {level}, which takes no istio-init (NET_ADMIN), "
            f"and Istio has no CNI plugin on a cluster made here: take the label {ENFORCE} away, or prove it with "
            "--context where Istio has one"
        )


class _Renaming:
    """Gives a namespace another name wherever manifests say it: as a field, in names of Services, in identities."""

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new
        word = re.escape(old)
        self._inside = re.compile(rf"(?<=\.){word}(?=\.svc\b)|(?<=/ns/){word}(?=/)|(?<=\bns/){word}(?=/sa/)")

    def __call__(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self(inner, key) for inner in value]
        if not isinstance(value, str):
            return value
        if key in ("namespace", "namespaces", "kubernetes.io/metadata.name") and value == self._old:
            return self._new
        return self._inside.sub(self._new, value)


def bound_to(docs: Iterable[Doc], namespace: str) -> list[Doc]:
    """Return documents with the namespace written into those that say none."""
    found = []
    for doc in docs:
        there = copy.deepcopy(doc)
        if doc["kind"] not in OF_THE_CLUSTER:
            there["metadata"].setdefault("namespace", namespace)
        found.append(there)
    return found


def namespaces(wanted: Wanted) -> list[str]:
    """Return the namespaces of its objects, its own first."""
    own = wanted.subject.namespace
    others = {space for doc in wanted.docs if (space := _namespace(doc, own)) not in (None, own)}
    return [own, *sorted(str(space) for space in others)]


def served(docs: Iterable[Doc], images: Mapping[str, str], ray: str, ray_version: str) -> tuple[list[Doc], list[str]]:
    """Return documents with images that are made here, and a line for each one that stands in.

    `images` maps names to what serves; any image of Ray `ray_version` is served by `ray`. Raises UsageError for an
    image that nothing here can stand for.
    """
    found = copy.deepcopy(list(docs))
    told: dict[str, str] = {}
    for container in _containers(found):
        image = str(container.get("image", ""))
        stands = images.get(image) or _of_ray(image, ray, ray_version)
        if not stands:
            raise UsageError(
                f"--subject: the image {image} can't be had here: no registry is reached, and what is made here is Ray "
                f"{ray_version}. Take an image of it, or run where a Docker engine reaches the registries"
            )
        container["image"] = stands
        container.pop("imagePullPolicy", None)  # it is on the node, and nowhere else
        if stands != image:
            told[image] = f"{image} is served by {stands}"
    return found, list(told.values())


def _containers(docs: Iterable[Doc]) -> Iterator[Doc]:
    for doc in docs:
        for template in pod_templates(doc):
            spec = template["spec"]
            yield from [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def _of_ray(image: str, ray: str, version: str) -> str:
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return ray if name in RAY_IMAGES and tag.partition("-")[0] == str(parse_version(version)) else ""


def lasting(docs: Iterable[Doc]) -> tuple[list[Doc], list[str]]:
    """Return documents whose RayJobs leave their cluster when they end, and a line for each one that was changed."""
    found, told = [], []
    for doc in docs:
        if doc["kind"] == "RayJob" and doc["spec"].get("shutdownAfterJobFinishes"):
            there = copy.deepcopy(doc)
            there["spec"]["shutdownAfterJobFinishes"] = False
            there["spec"].pop("ttlSecondsAfterFinished", None)
            found.append(there)
            told.append(f"RayJob {doc['metadata']['name']} keeps its cluster when it ends: it is looked at until then")
        else:
            found.append(doc)
    return found, told


def with_account(wanted: Wanted) -> tuple[Wanted, list[str]]:
    """Return a subject whose Ray pods that name no ServiceAccount have one of its own, and a line where that is so.

    Stock Envoy wants it (raymesh/mesh/stock_labels.py): who is at the other end of a TCP connection is told by it.
    """
    found = copy.deepcopy(list(wanted.docs))
    name, namespace = wanted.owner, wanted.subject.namespace
    changed = False
    for doc in found:
        cluster = cluster_spec(doc)
        for group in [cluster["headGroupSpec"], *(cluster.get("workerGroupSpecs") or [])] if cluster else []:
            spec = group["template"]["spec"]
            if spec.get("serviceAccountName", DEFAULT_ACCOUNT) == DEFAULT_ACCOUNT:
                spec["serviceAccountName"] = name
                changed = True
    if not changed:
        return wanted, []
    made: Doc = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
    accounts = frozenset(name if one == DEFAULT_ACCOUNT else one for one in wanted.subject.service_accounts)
    subject = replace(wanted.subject, service_accounts=accounts)
    told = f"Ray pods that name no ServiceAccount run as one made for them, {name}: stock Envoy knows TCP peers by it"
    return replace(wanted, subject=subject, docs=(made, *found)), [told]


def as_applied(
    wanted: Wanted, images: Mapping[str, str], ray: str, ray_version: str, *, images_of_ours: bool, stock_proxy: bool
) -> tuple[Wanted, list[str]]:
    """Return a subject as it is applied on a cluster made here, and a line for each change to its manifests.

    Nothing is changed but its images, where the nodes have `images_of_ours` alone, and its ServiceAccount behind a
    stock proxy. The other arguments, and what is raised, are those of `served`.
    """
    told: list[str] = []
    if images_of_ours:
        docs, told = served(wanted.docs, images, ray, ray_version)
        wanted = replace(wanted, docs=tuple(docs))
    if stock_proxy:
        wanted, more = with_account(wanted)
        told += more
    return wanted, told
