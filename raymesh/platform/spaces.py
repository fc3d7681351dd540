"""Namespaces that raymesh makes on a borrowed cluster: known by a label, removed in the end or by the next run."""

from __future__ import annotations

import contextlib
import json
import platform
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from raymesh.errors import UsageError
from raymesh.machine import ownership
from raymesh.manifests.patching import Doc, dump
from raymesh.platform.kube import Kube

LABEL, OURS = "app.kubernetes.io/managed-by", "raymesh"
OWNER, UNTIL = "raymesh/owner", "raymesh/until"
LIVES = timedelta(hours=3)  # no run takes as long; one whose machine can't be asked is taken for gone then
GONE_SECONDS = 180.0


@dataclass(frozen=True)
class Space:
    """A namespace of a run of raymesh: of which process it is, and until when that may live at most."""

    name: str
    owner: str
    until: datetime

    @property
    def stale(self) -> bool:
        """Whether its run is gone: its process is, or, where that is another machine's, its time."""
        if datetime.now(UTC) > self.until:
            return True
        host, _, rest = self.owner.partition(" ")
        if host != platform.node() or len(rest.split()) != len(_process().split()):
            return False
        pid, started, namespace = rest.split()
        return ownership.is_gone(int(pid), started, int(namespace))


def _process() -> str:
    return ownership.mark()[ownership.VARIABLE]


@contextlib.contextmanager
def made(kube: Kube, names: Sequence[str], labels: Mapping[str, str]) -> Iterator[None]:
    """Have namespaces until the end. Raises UsageError where one is there already: what lies in it is somebody's."""
    there = _there(kube, names)
    if there:
        raise UsageError(
            f"the cluster has the namespace {', '.join(there)} already, and raymesh makes its own: move the manifests "
            "into another one with --namespace NAME, or prove what runs there with --running NAMESPACE/NAME"
        )
    docs = [_doc(name, labels) for name in names]
    try:
        kube.kubectl("create", "-f", "-", stdin=dump(docs))
        yield
    finally:  # those that are ours: another run may have made one of the same name meanwhile
        remove(kube, [space.name for space in found(kube) if space.name in names and space.owner == _owner()])


def name_for(written: str, owner: str) -> str:
    """Return the namespace for a subject whose manifests say `written`: that, or one of its own instead of default."""
    return f"raymesh-{owner[:40]}-{secrets.token_hex(3)}" if written == "default" else written


def _owner() -> str:
    return f"{platform.node()} {_process()}"


def _doc(name: str, labels: Mapping[str, str]) -> Doc:
    until = (datetime.now(UTC) + LIVES).isoformat(timespec="seconds")
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {**labels, LABEL: OURS},
            "annotations": {OWNER: _owner(), UNTIL: until},
        },
    }


def _there(kube: Kube, names: Sequence[str]) -> list[str]:
    found = kube.kubectl("get", "namespaces", *names, "--ignore-not-found", "-o", "name").stdout.split()
    return [name for name in names if f"namespace/{name}" in found]


def found(kube: Kube) -> tuple[Space, ...]:
    """Return the namespaces that raymesh made on this cluster, by their label."""
    listed = json.loads(kube.kubectl("get", "namespaces", "-l", f"{LABEL}={OURS}", "-o", "json").stdout)["items"]
    spaces = []
    for doc in listed:
        told = doc["metadata"].get("annotations") or {}
        if OWNER in told and UNTIL in told:  # others use the label's value, too
            spaces.append(Space(doc["metadata"]["name"], told[OWNER], datetime.fromisoformat(told[UNTIL])))
    return tuple(spaces)


def remove(kube: Kube, names: Sequence[str]) -> None:
    """Remove namespaces with all that is in them, and wait until they are gone.

    RayClusters go first: with its namespace's ServiceAccounts gone an operator may not finish what it has to.
    """
    for name in names:
        for kind in ("rayjobs.ray.io", "rayservices.ray.io", "rayclusters.ray.io"):
            words = ("delete", kind, "--all", "-n", name, "--ignore-not-found", "--wait=false")
            kube.kubectl(*words, check=False)
    if names:
        kube.kubectl("delete", "namespace", *names, "--ignore-not-found", "--wait", timeout=GONE_SECONDS)


def remove_stale(kube: Kube) -> list[str]:
    """Remove what runs left that were killed, and return its names."""
    gone = [space.name for space in found(kube) if space.stale]
    if gone:
        remove(kube, gone)
    return gone
