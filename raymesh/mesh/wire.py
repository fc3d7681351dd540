"""The pods that listen to the wire: one a node, in the node's own network, with CAP_NET_RAW; gone in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from raymesh.manifests.patching import Doc, load, patched, with_images
from raymesh.mesh.probes import CONTAINER
from raymesh.platform.kube import Kube
from raymesh.witness.http import Recorder
from raymesh.witness.knock import START
from raymesh.witness.wire import PROGRAM, Wire

MANIFEST = "probes/wire.yaml"
LABEL = "app=wire"


def docs(namespace: str, nodes: Sequence[str], images: dict[str, str]) -> list[Doc]:
    """Return a pod for each node."""
    [pod] = with_images(load(MANIFEST), images)
    return [
        patched(pod, {"metadata": {"name": _name(number), "namespace": namespace}, "spec": {"nodeName": node}})
        for number, node in enumerate(nodes)
    ]


@contextmanager
def listening(
    kube: Kube, namespace: str, nodes: Sequence[str], images: dict[str, str], record: Recorder, *, within: float
) -> Iterator[Wire]:
    """Yield who listens on these nodes. Raises TerminalState, or WaitTimeout where a pod is not Ready in time."""
    pods = {node: _name(number) for number, node in enumerate(nodes)}

    def run(node: str, stdin: str, seconds: float) -> str:
        argv = ["python", "-c", START]
        text = f"{json.dumps(PROGRAM.read_text())}\n{stdin}"
        done = kube.exec(pods[node], argv, container=CONTAINER, namespace=namespace, stdin=text, timeout=seconds)
        return done.stdout

    manifests = docs(namespace, nodes, images)
    try:
        kube.apply(manifests)
        kube.wait_ready(namespace, LABEL, count=len(nodes), within=within)
        yield Wire(nodes, run, record)
    finally:
        kube.delete(manifests)


def _name(number: int) -> str:
    return f"wire-{number}"
