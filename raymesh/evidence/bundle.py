"""The failure bundle: what a cluster looked like when something failed, taken before it is torn down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from raymesh.evidence.redact import Form
from raymesh.witness.pods import SIDECAR

REQUEST_TIMEOUT = "--request-timeout=15s"  # so that one dead pod does not take the whole time
ERRORS_FILE = "errors.txt"
OBJECTS = ("pods", "events", "services")
ADMIN_PATHS = ("config_dump", "clusters")
Kubectl = Callable[[list[str]], str]
"""Runs kubectl with these arguments and returns what it printed."""

Step = tuple[str, Callable[[], str]]
Keep = Callable[[str, str, Form], object]
"""Takes the name of a file, its text and what that is, and writes it without its secrets: `Artifacts.write`."""


@dataclass(frozen=True)
class _Container:
    pod: str
    name: str
    restarted: bool


@dataclass
class _Bundle:
    """Hands files on until its time is over; what goes wrong is written down too."""

    keep: Keep
    deadline: float
    errors: list[str] = field(default_factory=list)

    def take(self, name: str, source: Callable[[], str], form: Form) -> None:
        """Keep what `source` returns."""
        if time.monotonic() > self.deadline:
            self.errors.append(f"{name}: not taken, the time was over")
            return
        try:
            self.keep(name, source(), form)
        except Exception as error:  # noqa: BLE001 - a bundle must not hide the failure that it was asked for
            self.errors.append(f"{name}: {type(error).__name__}: {error}")


def collect(
    kubectl: Kubectl,
    keep: Keep,
    *,
    namespaces: Sequence[str],
    manifests: Mapping[str, str],
    seconds: float,
) -> None:
    """Hand a bundle to `keep` within about `seconds`: objects, logs, sidecars' configuration, rendered manifests.

    The namespaces are taken in their order, so name the one that matters first. `manifests` are texts by file name.
    Never raises: what could not be had is in errors.txt.
    """
    bundle = _Bundle(keep, time.monotonic() + seconds)
    for name, text in manifests.items():
        bundle.take(f"manifests/{name}", lambda text=text: text, Form.OBJECT)  # type: ignore[misc]  # binds it
    for namespace in namespaces:
        for name, source in _objects(kubectl, namespace):
            bundle.take(name, source, Form.OBJECT)
    for namespace in namespaces:
        containers = _containers(bundle, kubectl, namespace)
        for name, source in _of_containers(kubectl, namespace, containers):
            bundle.take(name, source, Form.TEXT)
    bundle.deadline = float("inf")  # the list of what is missing is never left out
    bundle.take(ERRORS_FILE, lambda: "".join(f"{error}\n" for error in bundle.errors), Form.TEXT)


def _objects(kubectl: Kubectl, namespace: str) -> Iterator[Step]:
    for kind in OBJECTS:
        yield f"{namespace}/{kind}.yaml", _asks(kubectl, "get", kind, "--namespace", namespace, "--output", "yaml")


def _containers(bundle: _Bundle, kubectl: Kubectl, namespace: str) -> list[_Container]:
    """Ask which containers there are: init containers and sidecars too."""
    found: list[_Container] = []

    def listed() -> str:
        pods = json.loads(_asks(kubectl, "get", "pods", "--namespace", namespace, "--output", "json")())
        for pod in pods["items"]:
            status = pod["status"]
            states = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
            found.extend(_Container(pod["metadata"]["name"], s["name"], s["restartCount"] > 0) for s in states)
        return "".join(f"{c.pod}/{c.name}{' restarted' if c.restarted else ''}\n" for c in found)

    bundle.take(f"{namespace}/containers.txt", listed, Form.TEXT)
    return found


def _of_containers(kubectl: Kubectl, namespace: str, containers: Sequence[_Container]) -> Iterator[Step]:
    for container in containers:
        where = f"{namespace}/{container.pod}/{container.name}"
        logs = ("logs", container.pod, "--namespace", namespace, "--container", container.name, "--timestamps")
        yield f"{where}.log", _asks(kubectl, *logs)
        if container.restarted:
            yield f"{where}.previous.log", _asks(kubectl, *logs, "--previous")
    for container in containers:
        if container.name == SIDECAR:
            exec_in = ("exec", container.pod, "--namespace", namespace, "--container", SIDECAR)
            for path in ADMIN_PATHS:
                request = ("--", "pilot-agent", "request", "GET", path)
                yield f"{namespace}/{container.pod}/envoy-{path}.txt", _asks(kubectl, *exec_in, *request)


def _asks(kubectl: Kubectl, *args: str) -> Callable[[], str]:
    return lambda: kubectl([REQUEST_TIMEOUT, *args])
