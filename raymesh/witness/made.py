"""The Kubernetes API as a witness of what an operator made of a Ray cluster: its Services, and what its pods run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raymesh.witness.fields import Field, optional_items, optional_text, read_json

HEADLESS = "None"
OF_RAY = "Ray"  # begins the kinds of whoever owns what KubeRay made
HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
PROBES = ("startup", "readiness", "liveness")
START = re.compile(r"\bray start\b(.*)", re.DOTALL)
FLAG = re.compile(r"(?<!\S)--[a-z][\w-]*(?:=\S*)?")


@dataclass(frozen=True)
class Service:
    """A Service: who made it (a kind, empty where nobody owns it), whether it has no address, its ports in order."""

    name: str
    maker: str
    headless: bool
    ports: tuple[str, ...]  # such as `6379 gcs-server TCP, tcp`: number, name, protocol, appProtocol


@dataclass(frozen=True)
class Shape:
    """A container of a pod as it was asked for: `container`, `native sidecar` or `init container`.

    `probes` are a line each, `flags` those of `ray start`, in order of their names.
    """

    pod: str
    name: str
    kind: str
    probes: tuple[str, ...]
    flags: tuple[str, ...]


def parse_services(text: str) -> tuple[Service, ...]:
    """Read a ServiceList, in order of names."""
    found = [_service(one) for one in read_json(text, "services")["items"].items()]
    return tuple(sorted(found, key=lambda one: one.name))


def parse_shapes(text: str) -> tuple[Shape, ...]:
    """Read the containers of a PodList."""
    return tuple(shape for pod in read_json(text, "pods")["items"].items() for shape in _shapes(pod))


def _service(one: Field) -> Service:
    owners = [owner["kind"].text() for owner in optional_items(one["metadata"], "ownerReferences")]
    spec = one["spec"]
    return Service(
        name=one["metadata"]["name"].text(),
        maker=next((kind for kind in owners if kind.startswith(OF_RAY)), ""),
        headless=optional_text(spec, "clusterIP") == HEADLESS,
        ports=tuple(_port(port) for port in optional_items(spec, "ports")),
    )


def _port(port: Field) -> str:
    words = (str(port["port"].integer()), optional_text(port, "name"), optional_text(port, "protocol"))
    return " ".join(word for word in words if word) + f", {optional_text(port, 'appProtocol') or 'no appProtocol'}"


def _shapes(pod: Field) -> list[Shape]:
    name, spec = pod["metadata"]["name"].text(), pod["spec"]
    found = [_shape(name, one, "container") for one in spec["containers"].items()]
    for one in optional_items(spec, "initContainers"):
        kind = "native sidecar" if optional_text(one, "restartPolicy") == "Always" else "init container"
        found.append(_shape(name, one, kind))
    return found


def _shape(pod: str, one: Field, kind: str) -> Shape:
    probes = [(word, found) for word in PROBES if (found := one.find(f"{word}Probe"))]
    words = [word.text() for key in ("command", "args") for word in optional_items(one, key)]
    started = START.search(" ".join(words))
    return Shape(
        pod=pod,
        name=one["name"].text(),
        kind=kind,
        probes=tuple(f"{word}: {_probe(found)}" for word, found in probes),
        flags=tuple(sorted(FLAG.findall(started[1]))) if started else (),
    )


def _probe(probe: Field) -> str:
    """Say what a probe does, and how often."""
    handler = next((name for name in HANDLERS if probe.find(name)), "")
    if not handler:
        raise probe.unreadable(f"one of {', '.join(HANDLERS)}")
    at = probe[handler]
    if handler == "exec":
        does = " ".join(" ".join(word.text() for word in at["command"].items()).split())
    else:
        does = f"{optional_text(at, 'scheme')} :{at['port'].value}{optional_text(at, 'path')}".strip()
    every = probe.find("periodSeconds")
    return f"{handler} {does}" + (f", every {every.integer()} s" if every else "")
