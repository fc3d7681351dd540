"""RM003, RM008 to RM012: the entries of the headless Service, each by itself, and the ports that containers list."""

from __future__ import annotations

import re
from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import drop_element, drop_key, replace_node, set_key
from raymesh.manifests.objects import Container, Entry
from raymesh.manifests.relating import Case, World
from raymesh.ports import Port
from raymesh.ports.contract import HIGHEST_PORT
from raymesh.ports.facts import GUIDE_PROTOCOLS

# What Istio understands besides the words of the contract: both are HTTP/2, which gRPC is.
_SAME_AS_GRPC = ("http2", "kubernetes.io/h2c")
_PREFIXES = ("grpc", "http", "http2", "https", "mongo", "mysql", "redis", "tcp", "tls", "udp", "grpc-web")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# IsValidPortName of k8s.io/apimachinery: names of container ports are shorter than those of a Service's.
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@rule("RM003", Severity.ERROR, "port declared twice")
def rm003(world: World) -> Iterator[Hit]:
    """Kubernetes refuses a Service with the same number or name twice."""
    for _, service in world.pairs:
        numbers: set[tuple[str, str]] = set()
        names: set[str] = set()
        for entry in service.entries:
            key = (entry.number.text, entry.protocol.text if entry.protocol else "TCP")
            name = entry.name.text if entry.name else ""
            if key in numbers:
                yield Hit(
                    at(entry.number),
                    f"port {entry.number.text} is declared twice",
                    "take one out",
                    drop_element(service.doc, service.ports_node, entry.node),
                )
            elif name and name in names:
                free = f"p{entry.number.text}"
                yield Hit(
                    at(entry.name or entry.number),
                    f"port name {name} is used twice",
                    f"name: {free}",
                    set_key(service.doc, entry.node, "name", free) if free not in names else (),
                )
            numbers.add(key)
            names.add(name)


@rule("RM008", Severity.ERROR, "wrong appProtocol")
def rm008(world: World) -> Iterator[Hit]:
    """The declared protocol is not what the port speaks."""
    for case, entry, port in _known_entries(world):
        told = entry.app_protocol.text.lower() if entry.app_protocol else _prefix(entry)
        if told is None or told in _accepted(case, port):
            continue
        where = entry.app_protocol or entry.name or entry.number
        edits = (
            replace_node(where.doc, where.node, port.app_protocol)
            if entry.app_protocol
            else set_key(where.doc, entry.node, "appProtocol", port.app_protocol)
        )
        yield Hit(
            at(where),
            f"port {entry.number.text} ({port.name}) is declared {told}, but speaks {port.speaks}{_effect(told, port)}",
            f"appProtocol: {port.app_protocol}",
            edits,
            Severity.NOTE if told == GUIDE_PROTOCOLS.get(port.name) else None,
        )


@rule("RM009", Severity.WARNING, "appProtocol missing")
def rm009(world: World) -> Iterator[Hit]:
    """Neither appProtocol nor the name says what the port speaks, so Istio has to guess."""
    for _, entry, port in _known_entries(world):
        if entry.app_protocol is None and _prefix(entry) is None:
            yield Hit(
                at(entry.number),
                f"port {entry.number.text} ({port.name}) has no appProtocol: the mesh has to guess what it speaks",
                f"appProtocol: {port.app_protocol}",
                set_key(entry.number.doc, entry.node, "appProtocol", port.app_protocol),
            )


@rule("RM010", Severity.ERROR, "port is not TCP")
def rm010(world: World) -> Iterator[Hit]:
    """Every port of Ray is TCP."""
    for _, entry, port in _known_entries(world):
        if entry.protocol is not None and entry.protocol.text != "TCP":
            yield Hit(
                at(entry.protocol),
                f"port {entry.number.text} ({port.name}) is declared {entry.protocol.text}, but Ray speaks TCP",
                "protocol: TCP",
                replace_node(entry.protocol.doc, entry.protocol.node, "TCP"),
            )


@rule("RM011", Severity.ERROR, "targetPort differs from port")
def rm011(world: World) -> Iterator[Hit]:
    """Behind a headless Service the client dials the pod's port itself: nothing translates numbers."""
    for _, entry, port in _known_entries(world):
        if entry.target is not None and entry.target.number not in (None, entry.number.number):
            yield Hit(
                at(entry.target),
                f"port {entry.number.text} ({port.name}) has targetPort {entry.target.text}: "
                "a headless Service translates no numbers",
                "take targetPort out",
                drop_key(entry.target.doc, entry.node, "targetPort"),
            )


@rule("RM012", Severity.ERROR, "name or number that Kubernetes refuses")
def rm012(world: World) -> Iterator[Hit]:
    """The API server's limits on Services."""
    for _, service in world.pairs:
        if not _SERVICE_NAME.fullmatch(service.name.text):
            yield Hit(
                at(service.name),
                f"Service name {service.name.text!r}: lower-case letters, digits and inner dashes, "
                "a letter first, at most 63",
            )
        for entry in service.entries:
            number = entry.number.number
            if number is None or not 1 <= number <= HIGHEST_PORT:
                yield Hit(at(entry.number), f"port {entry.number.text!r}: a whole number from 1 to {HIGHEST_PORT}")
            if entry.name is None:
                if len(service.entries) > 1:
                    yield Hit(
                        at(entry.number),
                        f"port {entry.number.text} has no name: a Service with several ports needs names",
                        f"name: p{entry.number.text}",
                        set_key(service.doc, entry.node, "name", f"p{entry.number.text}"),
                    )
            elif not _LABEL.fullmatch(entry.name.text):
                yield Hit(
                    at(entry.name),
                    f"port name {entry.name.text!r}: lower-case letters, digits and inner dashes, at most 63",
                )
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            for container in (*([group.ray] if group.ray else []), *group.beside):
                if container.ports:
                    yield from _container_ports(container, f"group {group.name} of {cluster.name.text}")


def _container_ports(container: Container, whose: str) -> Iterator[Hit]:
    names: set[str] = set()
    for port in container.ports:
        number = port.number.number
        if number is None or not 1 <= number <= HIGHEST_PORT:
            yield Hit(
                at(port.number),
                f"containerPort {port.number.text!r} in {whose}: a whole number from 1 to {HIGHEST_PORT}",
            )
        if port.name is None or not port.name.text:
            continue
        if not _PORT_NAME.fullmatch(port.name.text):
            yield Hit(
                at(port.name),
                f"port name {port.name.text!r} in {whose}: Kubernetes takes at most 15 lower-case letters, digits and "
                "inner dashes for a container's port, with a letter among them: there would be no pod",
                "a shorter name; a Service may call the port otherwise",
            )
        elif port.name.text in names:
            yield Hit(at(port.name), f"port name {port.name.text} twice in one container of {whose}", "another name")
        names.add(port.name.text)


def _known_entries(world: World) -> Iterator[tuple[Case, Entry, Port]]:
    for case in world.cases:
        for entry, port in case.known_entries:
            yield case, entry, port


def _prefix(entry: Entry) -> str | None:
    """The protocol that Istio takes from a port's name."""
    name = entry.name.text if entry.name else ""
    return next((p for p in _PREFIXES if name == p or name.startswith(p + "-")), None)


def _accepted(case: Case, port: Port) -> set[str]:
    words: set[str] = {port.app_protocol, port.speaks}
    if "grpc" in words:
        words.update(_SAME_AS_GRPC)
    if case.ray_tls:
        words.update(("tcp", "tls"))  # RM031 says which
    return words


def _effect(told: str, port: Port) -> str:
    if told == GUIDE_PROTOCOLS.get(port.name):
        return ": so does Ray's guide, and `ray list runtime-envs` fails"
    if told == "tcp":
        return ": encrypted, but without traces and metrics of its calls"
    return ": the proxy can't read it" if port.speaks == "grpc" else ""
