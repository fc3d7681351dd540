"""Takes a subject away: KubeRay may have to empty Redis first, by a Job that a sidecar can keep from ending.

Read from controllers/ray/raycluster_controller.go of KubeRay 1.1.0 and 1.6.0: a RayCluster with GCS fault tolerance has
a finalizer until the Job's pod (node type `redis-cleanup`, made of the head's template) has ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from raymesh.errors import CommandError
from raymesh.manifests.patching import Doc, dump
from raymesh.platform.kube import Kube
from raymesh.waiting import wait_for
from raymesh.witness.pods import SIDECAR

CLEANUP = "ray.io/node-type=redis-cleanup"
QUIT = ("pilot-agent", "request", "POST", "quitquitquit")  # istio pilot/cmd/pilot-agent, 1.21 to 1.31
GONE_SECONDS = 180.0


def remove(kube: Kube, docs: Iterable[Doc], namespaces: Iterable[str]) -> tuple[str, ...]:
    """Delete objects and wait until they are gone; return what a reader should know of it.

    A sidecar that keeps the Job of Redis from ending is ended, and told of. Raises WaitTimeout with what is left.
    """
    text, spaces = dump(docs), tuple(namespaces)
    told: dict[str, None] = {}
    kube.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=text)

    def left() -> str:
        for namespace in spaces:
            told.update(dict.fromkeys(_end_sidecars(kube, namespace)))
        return kube.kubectl("get", "--ignore-not-found", "-o", "name", "-f", "-", stdin=text).stdout.strip()

    wait_for("all objects of the subject are gone", left, until=lambda names: not names, within=GONE_SECONDS)
    return tuple(told)


def _end_sidecars(kube: Kube, namespace: str) -> list[str]:
    """End the sidecars of clean-up pods whose own work is done; return what to say of each."""
    told = []
    for pod in json.loads(kube.pods_json(namespace, CLEANUP))["items"]:
        states = {one["name"]: one["state"] for one in pod["status"].get("containerStatuses", [])}
        if not states.keys() - {SIDECAR} or "running" not in states.get(SIDECAR, {}):
            continue
        if all("terminated" in state for name, state in states.items() if name != SIDECAR):
            name = pod["metadata"]["name"]
            told.append(
                f"the Job that empties Redis would not have ended by itself: the sidecar of {name} is not native, and "
                "stayed, so raymesh ended it. Native sidecars cure it (raymesh explain RM083)"
            )
            try:
                kube.exec(name, QUIT, container=SIDECAR, namespace=namespace)
            except CommandError as error:
                told[-1] += f" (it could not: {str(error).splitlines()[-1].strip()})"
    return told
