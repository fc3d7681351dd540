"""RM020 to RM026: the rayStartParams, against the flags and ports of this Ray version."""

from __future__ import annotations

from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import drop_key, quoted, replace_node
from raymesh.manifests.objects import Cluster, Group, Service
from raymesh.manifests.opened import node_ports, number_of, set_param
from raymesh.manifests.relating import World
from raymesh.ports import NEWEST, Version
from raymesh.ports.facts import RAY_WORKER_PORTS
from raymesh.ports.flags import FLAGS, meant_flag
from raymesh.ports.startup import HIGHEST_FLAG, LIST_FLAG, LOWEST_FLAG, METRICS_FLAG, refusals


@rule("RM020", Severity.ERROR, "unknown flag")
def rm020(world: World) -> Iterator[Hit]:
    """`ray start` aborts on a flag that no version of it has."""
    for cluster, group, version in _groups(world):
        if version is not None and version[:2] > NEWEST[:2]:
            continue  # it may be new
        for name in group.params:
            if name in FLAGS:
                continue
            meant, sure = meant_flag(name)
            key = group.key(name)
            yield Hit(
                at(key),
                f"rayStartParams of group {group.name} has {name!r}: `ray start` has no such flag, "
                f"and the {group.role} of {cluster.name.text} would not start",
                (f"use {meant}" if sure else f"did you mean {meant}?") if meant else "take it out",
                replace_node(group.doc, key.node, meant) if meant and sure and meant not in group.params else (),
            )


@rule("RM021", Severity.ERROR, "flag that this Ray version does not have")
def rm021(world: World) -> Iterator[Hit]:
    """`ray start` aborts on a flag that was removed, or that comes later."""
    for cluster, group, version in _groups(world):
        if version is None:
            continue
        for name in group.params:
            span = FLAGS.get(name)
            if span is None or span.holds(version):
                continue
            gone = span.until is not None and version >= span.until
            yield Hit(
                at(group.key(name)),
                f"Ray {version} has no flag --{name} ("
                + (f"removed in {span.until}" if gone else f"it came with {span.since}")
                + f"): the {group.role} of {cluster.name.text} would not start",
                "take it out",
                drop_key(group.doc, group.params_node, name) if gone else (),
            )


@rule("RM022", Severity.ERROR, "random port")
def rm022(world: World) -> Iterator[Hit]:
    """Without its flag the kernel picks the port, and no Service can declare it."""
    for case, service in world.pairs:
        for group in case.cluster.groups:
            for port in node_ports(case.contract, group) if group.flags_known else ():
                if number_of(group, port) is None and _is_missing(group, port.flags[0]):
                    number = _declared_as(service, port.name) or (port.numbers[0] if port.numbers else None)
                    yield Hit(
                        at(group.params.get(port.flags[0]) or (group.doc, group.params_node or group.node)),
                        f"{port.name} of group {group.name} is random: rayStartParams does not fix it",
                        f"{port.flags[0]}: '{number}'",
                        set_param(group, port.flags[0], quoted(str(number))) if number else (),
                    )


@rule("RM023", Severity.ERROR, "worker range not fixed")
def rm023(world: World) -> Iterator[Hit]:
    """Without its end, workers take any port from 10002 to 19999."""
    for case, service in world.pairs:
        for group in case.cluster.groups:
            told = group.params.get(HIGHEST_FLAG)
            if not group.flags_known or LIST_FLAG in group.params or (told is not None and told.text != "0"):
                continue
            lowest = group.params[LOWEST_FLAG].number if LOWEST_FLAG in group.params else RAY_WORKER_PORTS[0]
            highest = _end_of_declared(service, lowest or 0)
            yield Hit(
                at(told or (group.doc, group.params_node or group.node)),
                f"group {group.name} has no {HIGHEST_FLAG}: its workers take any port from "
                f"{lowest} to {RAY_WORKER_PORTS[-1]}",
                f"{HIGHEST_FLAG}: '{highest or 10012}'",
                set_param(group, HIGHEST_FLAG, quoted(str(highest))) if highest else (),
            )


@rule("RM024", Severity.ERROR, "rayStartParams value is not a string")
def rm024(world: World) -> Iterator[Hit]:
    """Kubernetes refuses numbers and booleans there."""
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            for name, value in group.params.items():
                if not value.is_string:
                    yield Hit(
                        at(value),
                        f"{name}: {value.text or 'null'} of group {group.name} is not a string: Kubernetes refuses it",
                        f"{name}: {quoted(value.text)}",
                        replace_node(value.doc, value.node, quoted(value.text)) if value.text else (),
                    )


@rule("RM025", Severity.ERROR, "flag given twice")
def rm025(world: World) -> Iterator[Hit]:
    """A key that stands twice in rayStartParams: one of the two values is lost."""
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            for key in group.repeated:
                yield Hit(at(key), f"{key.text} stands twice in rayStartParams of group {group.name}", "keep one")


@rule("RM026", Severity.ERROR, "value that Ray refuses")
def rm026(world: World) -> Iterator[Hit]:
    """`ray start` aborts on a port that is no port, on an empty range and on a number used twice."""
    for cluster, group, version in _groups(world):
        params = {name: value.text for name, value in group.params.items()}
        if group.own_command:
            params.setdefault(METRICS_FLAG, "0")  # random: the default is KubeRay's
        for refusal in refusals(group.role, params, version):
            told = group.params[refusal.flag]
            effect = "" if refusal.by == "ray" else ": the node ends when it opens it"
            yield Hit(
                at(told),
                f"{refusal.flag} {told.text!r} of group {group.name} in {cluster.name.text}: {refusal.problem}{effect}",
                refusal.cure,
            )


def _groups(world: World) -> Iterator[tuple[Cluster, Group, Version | None]]:
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            yield cluster, group, cluster.version or world.options.ray


def _is_missing(group: Group, flag: str) -> bool:
    told = group.params.get(flag)
    return told is None or told.text in ("", "0")


def _declared_as(service: Service, name: str) -> int | None:
    return next((e.number.number for e in service.entries if e.name and e.name.text == name), None)


def _end_of_declared(service: Service, lowest: int) -> int | None:
    """The last number of the unbroken declared range that starts at `lowest`."""
    highest = lowest
    while highest + 1 in service.numbers:
        highest += 1
    return highest if highest > lowest and lowest in service.numbers else None
