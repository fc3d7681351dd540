"""Which ports the groups of a cluster open, as their rayStartParams say."""

from __future__ import annotations

from collections.abc import Sequence

from raymesh.manifests.editing import set_key
from raymesh.manifests.objects import Cluster, Group
from raymesh.manifests.places import Edit, Place
from raymesh.ports import WORKER_PORTS, Contract, Port
from raymesh.ports.contract import HIGHEST_PORT
from raymesh.ports.facts import RAY_WORKER_PORTS
from raymesh.ports.startup import HIGHEST_FLAG, LIST_FLAG, LOWEST_FLAG, METRICS_FLAG


def node_ports(contract: Contract, group: Group) -> list[Port]:
    """Ports of this group that have one number and a Service has to declare."""
    return [
        p
        for p in contract.of_nodes[group.role]
        if p.declared_in == "headless" or any(f in group.params for f in p.flags)
    ]


def number_of(group: Group, port: Port) -> int | None:
    """The number that a group gives a port; None if the kernel picks it."""
    given = group.params.get(port.flags[0]) if port.flags else None
    if given is None:
        if group.own_command and port.name == METRICS_FLAG:
            return None  # the default is KubeRay's
        return port.default[0] if port.default else None
    return given.number or None


def worker_numbers(group: Group) -> Sequence[int] | None:
    """The worker ports that a group asks for; None where it leaves them to Ray."""
    listed = group.params.get(LIST_FLAG)
    if listed is not None:
        return sorted(set(numbers_in(listed.text))) or None
    if HIGHEST_FLAG not in group.params:
        return None
    lowest = group.params[LOWEST_FLAG].number if LOWEST_FLAG in group.params else RAY_WORKER_PORTS[0]
    highest = group.params[HIGHEST_FLAG].number
    if not lowest or not highest or not lowest <= highest <= HIGHEST_PORT:
        return None
    return range(lowest, highest + 1)


def numbers_in(text: str) -> list[int]:
    """The port numbers of a list with commas; what is none is left out."""
    parts = [part.strip() for part in text.split(",")]
    return [int(p) for p in parts if p.isdecimal() and len(p) <= len(str(HIGHEST_PORT)) and int(p) <= HIGHEST_PORT]


def opened(cluster: Cluster, contract: Contract) -> dict[int, Port]:
    """Who opens which number in any group of a cluster."""
    found: dict[int, Port] = {}
    for group in cluster.groups:
        for port in node_ports(contract, group):
            number = number_of(group, port)
            if number is not None:
                found[number] = port
        found.update(dict.fromkeys(worker_numbers(group) or (), contract.find(WORKER_PORTS)))
    return found


def source(group: Group, port: Port) -> Place:
    """Where a group gives a port its number: the flag, else the group."""
    for flag in reversed(port.flags):
        if flag in group.params:
            return group.params[flag].place
    return group.doc.place(group.node)


def set_param(group: Group, name: str, text: str) -> tuple[Edit, ...]:
    """Write a parameter of a group, and rayStartParams itself where it is missing."""
    if group.own_command:
        return ()  # a command is not rewritten
    if group.params_node is None:
        return set_key(group.doc, group.node, "rayStartParams", "{" + f"{name}: {text}" + "}")
    return set_key(group.doc, group.params_node, name, text)


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in few words: 10002-10004, 10006."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
