"""Asks a namespace beforehand whether it takes a subject's pods: refusals are told before minutes of waiting.

The API server is asked to make the pods, and to keep none (`--dry-run=server`): PodSecurity, quotas, LimitRanges,
policies and the injection of sidecars say what they would say. How many pods a quota takes is counted from its answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from raymesh.errors import EnvironmentFault, WaitTimeout
from raymesh.machine.programs import Completed
from raymesh.manifests.patching import Doc, cluster_spec, dump
from raymesh.platform import refusals
from raymesh.platform.kube import Kube
from raymesh.subject import CLUSTER_LABEL, GROUP_LABEL, HEAD_GROUP, TYPE_LABEL
from raymesh.subject.wanted import Wanted
from raymesh.waiting import wait_for

NAME = "raymesh-rehearsal"
SETTLED_SECONDS = 20.0
NO_REHEARSAL = "does not support dry run"  # a webhook with side effects: nobody can ask it beforehand


@dataclass(frozen=True)
class Asked:
    """A pod as it would be made, and how many there are to be."""

    doc: Doc
    count: int


def pods_of(wanted: Wanted) -> list[Asked]:
    """Return a pod for each group of the subject, as KubeRay would label it."""
    found = []
    for doc in wanted.docs:
        spec = cluster_spec(doc)
        if not spec:
            continue
        groups = [(HEAD_GROUP, "head", spec["headGroupSpec"])]
        groups += [(one.get("groupName", "worker"), "worker", one) for one in spec.get("workerGroupSpecs") or []]
        for name, role, group in groups:
            template = group["template"]
            meta = template.get("metadata") or {}
            labels = {**(meta.get("labels") or {}), CLUSTER_LABEL: wanted.subject.name}
            metadata = {
                "name": f"{NAME}-{name}",
                "namespace": wanted.subject.namespace,
                "labels": {**labels, TYPE_LABEL: role, GROUP_LABEL: name},
                **({"annotations": meta["annotations"]} if meta.get("annotations") else {}),
            }
            made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
            found.append(Asked(made, wanted.subject.groups.get(name, 1)))
    return found


def of_ours(docs: Iterable[Doc]) -> list[Asked]:
    """Return the pods among documents of raymesh's own; their ServiceAccounts are not there yet."""
    return [
        Asked({**doc, "spec": {key: value for key, value in doc["spec"].items() if key != "serviceAccountName"}}, 1)
        for doc in docs
        if doc["kind"] == "Pod"
    ]


def rehearse(kube: Kube, namespace: str, asked: Sequence[Asked]) -> tuple[str, ...]:
    """Ask whether these pods would be taken; return what a reader should know.

    Raises EnvironmentFault with what is refused, and the cure.
    """
    if not asked:
        return ()
    text = dump(one.doc for one in asked)

    def ask() -> Completed:
        return kube.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=text, check=False)

    try:
        done = wait_for("the namespace has its ServiceAccount", ask, until=_settled, within=SETTLED_SECONDS)
    except WaitTimeout:
        done = ask()
    if done.code and NO_REHEARSAL in done.stderr:
        return (f"pods could not be tried beforehand in {namespace}: a webhook there {NO_REHEARSAL}",)
    if done.code:
        found = refusals.read(done.stderr)
        cause = f"the namespace {namespace} would not take these pods: {said(done.stderr)}"
        raise EnvironmentFault(cause, found.cure if found else "mend what the API server names")
    made = list(_documents(done.stdout))
    counts = [one.count for one in asked]
    for quota in _quotas(kube, namespace):
        if wrong := beyond(quota, list(zip(made, counts, strict=True))):
            name = quota["metadata"]["name"]
            raise EnvironmentFault(
                f"the ResourceQuota {name} of {namespace} does not take all pods: {'; '.join(wrong)}",
                "raise it, or ask for less: fewer pods, smaller requests (raymesh's own pods and sidecars count, too)",
            )
    return ()


def _settled(done: Completed) -> bool:
    """A namespace that was just made gets its ServiceAccount a moment later."""
    return not done.code or "error looking up service account" not in done.stderr


def said(printed: str) -> str:
    """Return the lines in which the API server refuses, of all that kubectl printed; its warnings are left out."""
    lines = [line.strip() for line in printed.splitlines() if line.strip() and not line.startswith("Warning:")]
    return " ".join(lines)[: refusals.SHOWN_CHARS] or "kubectl ended without a word"


def beyond(quota: Doc, pods: Iterable[tuple[Doc, int]]) -> list[str]:
    """Return what a quota lacks for so many of these pods: nothing where it takes them all."""
    spec, status = quota.get("spec") or {}, quota.get("status") or {}
    if spec.get("scopes") or spec.get("scopeSelector"):
        return []  # it holds for some pods only
    needed: dict[str, Decimal] = {"pods": Decimal(0), "count/pods": Decimal(0)}
    for pod, count in pods:
        for name, amount in usage(pod["spec"]).items():
            needed[name] = needed.get(name, Decimal(0)) + amount * count
        for name in ("pods", "count/pods"):
            needed[name] += count
    hard, used = status.get("hard") or spec.get("hard") or {}, status.get("used") or {}
    wrong = []
    for name, most in sorted(hard.items()):
        wants = needed.get(name if "." in name or "/" in name or name == "pods" else f"requests.{name}")
        free = _quantity(most) - _quantity(used.get(name, "0"))
        if wants is not None and wants > free:
            wrong.append(f"{name}: {wants.normalize():f} wanted, {free.normalize():f} of {most} free")
    return wrong


def usage(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return what a pod counts for in a quota, by requests.NAME and limits.NAME.

    The sum of its containers and native sidecars, or the largest of its other init containers where that is more.
    """
    every: dict[str, Decimal] = {}
    first: dict[str, Decimal] = {}
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        initial = container in (spec.get("initContainers") or []) and container.get("restartPolicy") != "Always"
        for kind in ("requests", "limits"):
            for name, text in ((container.get("resources") or {}).get(kind) or {}).items():
                key, amount = f"{kind}.{name}", _quantity(text)
                if initial:
                    first[key] = max(first.get(key, Decimal(0)), amount)
                else:
                    every[key] = every.get(key, Decimal(0)) + amount
    return {key: max(every.get(key, Decimal(0)), first.get(key, Decimal(0))) for key in {*every, *first}}


def _quantity(text: object) -> Decimal:
    return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]  # not annotated there


def _quotas(kube: Kube, namespace: str) -> list[Doc]:
    done = kube.kubectl("get", "resourcequotas", "-n", namespace, "-o", "json", check=False)
    return list(json.loads(done.stdout)["items"]) if done.code == 0 else []


def _documents(text: str) -> Iterable[Doc]:
    """The objects of kubectl's answer: a List, or one JSON document after the other."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        doc, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        yield from doc["items"] if doc.get("kind") == "List" else [doc]
