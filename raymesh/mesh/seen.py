"""A subject that runs on a borrowed cluster: read from its API as from manifests, and changed in nothing."""

from __future__ import annotations

import json
from dataclasses import replace

from raymesh.errors import UsageError
from raymesh.mesh.deployed import RESOURCES, clusters_of
from raymesh.platform.kube import Kube
from raymesh.subject.wanted import Around, Wanted, wanted_of

POLICIES = (
    *("peerauthentications.security.istio.io", "authorizationpolicies.security.istio.io"),
    *("destinationrules.networking.istio.io", "sidecars.networking.istio.io"),
    "networkpolicies.networking.k8s.io",
)


def running(kube: Kube, namespace: str, name: str, around: Around) -> Wanted:
    """Return what runs under a name: a RayCluster, or the one of a RayJob or RayService.

    Raises UsageError where there is none, or it has no RayCluster now.
    """
    for kind, resource in RESOURCES.items():
        text = _get(kube, namespace, resource, name)
        if text:
            made = clusters_of(kind, json.loads(text))
            break
    else:
        raise UsageError(f"--running {namespace}/{name}: there is no RayCluster, RayJob or RayService of that name")
    if not made:
        raise UsageError(f"--running {namespace}/{name}: this {kind} has no RayCluster now: its status names none")
    cluster = _get(kube, namespace, RESOURCES["RayCluster"], made[0])
    others = kube.kubectl("get", ",".join(("services", *POLICIES)), "-n", namespace, "-o", "json").stdout
    found = wanted_of({f"{namespace}/{made[0]}": cluster, f"{namespace}/objects": others}, around)
    return replace(found, owner=name, subject=replace(found.subject, kind=kind))


def _get(kube: Kube, namespace: str, resource: str, name: str) -> str:
    words = ("get", resource, name, "-n", namespace, "--ignore-not-found", "-o", "json")
    return kube.kubectl(*words).stdout.strip()
