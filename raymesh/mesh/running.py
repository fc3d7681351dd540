"""What runs of the mesh's own programs: any number of replicas, each asked by itself."""

from __future__ import annotations

from collections.abc import Callable

from raymesh.errors import CommandError
from raymesh.platform.kube import Kube
from raymesh.witness.pods import Pod, parse_pods


def versions(kube: Kube, namespace: str, selector: str, ask: Callable[[Pod], str]) -> str:
    """Return the version of the pods that match; several, in order, where replicas are not of the same one.

    Raises CommandError where no pod is Ready, and what `ask` raises.
    """
    ready = [pod for pod in parse_pods(kube.pods_json(namespace, selector)) if pod.ready]
    if not ready:
        raise CommandError(f"no pod of {selector} in {namespace} is Ready")
    return ", ".join(sorted({ask(pod) for pod in ready}))
