"""NetworkPolicies of a subject's namespace: what lets raymesh's own pods through, and what shuts the mesh out."""

from __future__ import annotations

import json
from collections.abc import Mapping

from raymesh.errors import EnvironmentFault
from raymesh.lint.diagnostics import Severity
from raymesh.manifests.collecting import collect
from raymesh.manifests.objects import Objects
from raymesh.manifests.patching import Doc, dump, load, patched
from raymesh.manifests.places import Unread
from raymesh.manifests.policies import NetworkPolicy
from raymesh.manifests.reading import parse
from raymesh.platform.kube import Kube
from raymesh.subject.wanted import Around, Wanted, wanted_of

MANIFEST = "probes/fences.yaml"
RESOURCE = "networkpolicies.networking.k8s.io"
SHUT_OUT = ("RM055", "RM056")  # DNS and istiod: no sidecar gets Ready without them


def read(kube: Kube, namespace: str) -> str:
    """Return the NetworkPolicies of a namespace as JSON; an empty List where they may not be read."""
    done = kube.kubectl("get", RESOURCE, "-n", namespace, "-o", "json", check=False)
    return done.stdout if done.code == 0 else '{"apiVersion": "v1", "kind": "List", "items": []}'


def demand(kube: Kube, wanted: Wanted, around: Around) -> None:
    """Raise EnvironmentFault where NetworkPolicies keep a subject's sidecars from DNS or istiod: none would get Ready.

    The linter is asked, of the subject's manifests and of the policies that its namespace has by itself.
    """
    text = read(kube, wanted.subject.namespace)
    there = {"NetworkPolicies of the namespace": text} if json.loads(text)["items"] else {}
    said = wanted_of({"manifests": dump(wanted.docs), **there}, around).said
    shut = [one for one in said if one.rule in SHUT_OUT and one.severity >= Severity.ERROR]
    if shut:
        told = "; ".join(f"{one.rule} {one.message}" for one in shut)
        cure = "; ".join(dict.fromkeys(one.fix for one in shut))
        raise EnvironmentFault(f"pods in {wanted.subject.namespace} would never get Ready: {told}", cure)


def openings(text: str, namespace: str, ray: Mapping[str, str]) -> list[Doc]:
    """Return the policies that let who knocks through, as `text` has those of the namespace; none where none isolates.

    `ray` are labels of the subject's pods.
    """
    policies = _policies(text)
    if not policies:
        return []
    knocks, at_ray = load(MANIFEST)
    isolated = any(one.ingress is not None and one.selector.holds(ray) is not False for one in policies)
    wanted = [knocks, at_ray] if isolated else [knocks]
    return _placed(wanted, namespace)


def every(namespace: str) -> list[Doc]:
    """Return all that `openings` may have made."""
    return _placed(load(MANIFEST), namespace)


def _placed(docs: list[Doc], namespace: str) -> list[Doc]:
    return [patched(doc, {"metadata": {"namespace": namespace}}) for doc in docs]


def _policies(text: str) -> list[NetworkPolicy]:
    objects = Objects()
    for item in parse("NetworkPolicies", text):
        if not isinstance(item, Unread):
            collect(item, objects)
    return objects.networks
