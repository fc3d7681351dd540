"""The Kubernetes API as a witness: pods, from `kubectl get pods --output json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raymesh.ports.kuberay import SUBMITTER_CONTAINER
from raymesh.witness.fields import Field, optional_flag, optional_items, optional_text, read_json

SIDECAR = "istio-proxy"


@dataclass(frozen=True)
class Container:
    """A container that runs as long as its pod."""

    name: str
    image: str
    environment: Mapping[str, str | None]  # None: the value comes from elsewhere


@dataclass(frozen=True)
class Pod:
    """A pod and what became of it."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    ip: str  # empty while it has none
    ready: bool
    service_account: str
    containers: tuple[Container, ...]  # native sidecars too
    init_containers: tuple[str, ...]  # names
    annotations: Mapping[str, str]
    host_network: bool
    native_sidecars: tuple[str, ...] = ()  # names; they are among the containers as well
    finished: bool = False  # its containers have ended well, and nothing is expected of it any more
    ips: tuple[str, ...] = ()  # all of its addresses, of each family


def has_sidecar(pod: Pod) -> bool:
    """Return whether a pod runs one."""
    return SIDECAR in {container.name for container in pod.containers}


def parse_pods(text: str) -> tuple[Pod, ...]:
    root = read_json(text, "pods")
    return tuple(_pod(pod) for pod in root["items"].items())


def _pod(pod: Field) -> Pod:
    meta, spec, status = pod["metadata"], pod["spec"], pod["status"]
    inits = optional_items(spec, "initContainers")
    native_sidecars = [c for c in inits if optional_text(c, "restartPolicy") == "Always"]
    containers = [*spec["containers"].items(), *native_sidecars]
    return Pod(
        name=meta["name"].text(),
        namespace=meta["namespace"].text(),
        labels=_texts(meta, "labels"),
        ip=optional_text(status, "podIP"),
        ready=(_ready(status) or _ready_but_for_submitter(status)) and not _is_going(meta),
        service_account=optional_text(spec, "serviceAccountName"),
        containers=tuple(_container(c) for c in containers),
        init_containers=tuple(c["name"].text() for c in inits if c not in native_sidecars),
        annotations=_texts(meta, "annotations"),
        host_network=optional_flag(spec, "hostNetwork"),
        native_sidecars=tuple(c["name"].text() for c in native_sidecars),
        finished=optional_text(status, "phase") == "Succeeded",
        ips=tuple(one["ip"].text() for one in optional_items(status, "podIPs")),
    )


def _texts(meta: Field, key: str) -> dict[str, str]:
    found = meta.find(key)
    return {name: value.text() for name, value in found.entries().items()} if found else {}


def _container(container: Field) -> Container:
    variables = optional_items(container, "env")
    return Container(
        name=container["name"].text(),
        image=optional_text(container, "image"),
        environment={v["name"].text(): None if v.find("valueFrom") else optional_text(v, "value") for v in variables},
    )


def _is_going(meta: Field) -> bool:
    return bool(optional_text(meta, "deletionTimestamp"))


def _ready(status: Field) -> bool:
    return any(
        condition["type"].text() == "Ready" and condition["status"].text() == "True"
        for condition in optional_items(status, "conditions")
    )


def _ready_but_for_submitter(status: Field) -> bool:
    """Whether all runs but the container that has submitted a RayJob: Kubernetes calls no pod Ready where one ended."""
    containers = optional_items(status, "containerStatuses")
    ended = [one for one in containers if one["name"].text() == SUBMITTER_CONTAINER and _ended_well(one)]
    return bool(ended) and all(optional_flag(one, "ready") for one in containers if one not in ended)


def _ended_well(container: Field) -> bool:
    state = container["state"].find("terminated")
    return state is not None and state["exitCode"].integer() == 0
