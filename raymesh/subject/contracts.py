"""The port contract of a subject: what its own manifests ask for, held against what its version of Ray opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from raymesh.manifests.objects import Cluster, Entry, Group, Service
from raymesh.manifests.opened import number_of, worker_numbers
from raymesh.ports import WORKER_PORTS, AppProtocol, Contract, Port, Version, contract
from raymesh.ports.contract import GCS
from raymesh.ports.facts import GUIDE_PROTOCOLS, RAY_WORKER_PORTS
from raymesh.ports.kuberay import workers_need_gcs_by_node_name
from raymesh.subject.model import HEAD_GROUP

# What Istio takes an appProtocol for (istio pkg/config/protocol/instance.go, 1.21 and 1.31). Another word, or none, is
# left to the proxy's guess.
WORDS: Mapping[str, AppProtocol] = {
    **dict.fromkeys(("grpc", "grpc-web", "http2", "kubernetes.io/h2c"), "grpc"),
    "http": "http",
    **dict.fromkeys(("tcp", "tls", "https", "mongo", "mysql", "redis"), "tcp"),
}


def contract_of(cluster: Cluster, version: Version, services: Sequence[Service], kuberay: Version | None) -> Contract:
    """Return the ports that the groups of a cluster open, with their own numbers.

    A port of one name stands there once for each number or range that groups give it, with the roles that do. One that
    no flag fixes has no number. Its appProtocol is what the Services declare where Ray works with that, else what they
    should declare. `kuberay` tells whether the headless Service has to declare the GCS, too; None: it has not.
    """
    known = contract(version, serve=cluster.serve_config is not None or cluster.kind == "RayService")
    told = _told(services)
    ports = tuple(one for port in known.ports for one in _as_asked(port, cluster.groups, told))
    gcs = {number for port in ports if port.name == GCS for number in port.numbers or ()}
    by_name = bool(gcs & set(told)) or (kuberay is not None and workers_need_gcs_by_node_name(kuberay))
    return Contract(known.ray_version, ports, known.notes, by_name)


def _as_asked(port: Port, groups: Sequence[Group], told: Mapping[int, AppProtocol]) -> Iterator[Port]:
    """Yield a port of the version once for each choice of numbers."""
    choices: dict[tuple[range | None, ...], list[Group]] = {}
    for group in groups:
        if group.role in port.roles:
            choices.setdefault(_numbers(port, group), []).append(group)
    for numbers, those in choices.items():
        names = tuple(HEAD_GROUP if group.role == "head" else group.name for group in those)
        roles = tuple(role for role in port.roles if role in {group.role for group in those})
        for part in numbers:
            asked = replace(port, numbers=part, roles=roles, groups=names if len(choices) > 1 else ())
            yield from _by_protocol(_placed(asked), told)


def _numbers(port: Port, group: Group) -> tuple[range | None, ...]:
    if port.name == WORKER_PORTS:
        return _ranges(worker_numbers(group) or RAY_WORKER_PORTS)
    if not port.flags:
        return (port.numbers,)
    number = number_of(group, port)
    return (None if number is None else range(number, number + 1),)


def _ranges(numbers: Sequence[int]) -> tuple[range, ...]:
    if isinstance(numbers, range):
        return (numbers,)
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    parts = [[number for _, number in run] for _, run in runs]
    return tuple(range(part[0], part[-1] + 1) for part in parts)


def _placed(port: Port) -> Port:
    """A port that Ray opens at random has to be declared as soon as a flag fixes it; without, nobody can declare it."""
    if port.numbers is None:
        return replace(port, allowed=port.allowed or f"no flag fixes it: {' or '.join(port.flags) or 'there is none'}")
    if port.flags and port.declared_in == "none":
        return replace(port, declared_in="headless", allowed="")
    return port


def _by_protocol(port: Port, told: Mapping[int, AppProtocol]) -> Iterator[Port]:
    """Yield the parts of a range that are declared alike."""
    if port.numbers is None:
        yield port
        return
    for protocol, run in groupby(port.numbers, key=lambda number: _expected(port, told.get(number))):
        part = list(run)
        yield replace(port, numbers=range(part[0], part[-1] + 1), app_protocol=protocol)


def _expected(port: Port, told: AppProtocol | None) -> AppProtocol:
    """What a Service has to say: Ray's own word, one with which its calls are as visible, or the guide's."""
    good = (port.speaks, port.app_protocol, GUIDE_PROTOCOLS.get(port.name))
    return told if told in good and told is not None else port.app_protocol


def _told(services: Iterable[Service]) -> dict[int, AppProtocol]:
    """What Services declare, by number; left out where they leave it to the proxy's guess."""
    return {
        number: protocol
        for service in services
        for entry in service.entries
        if (number := entry.number.number) is not None and (protocol := _protocol(entry)) is not None
    }


def _protocol(entry: Entry) -> AppProtocol | None:
    """What Istio takes an entry for: its appProtocol, else the beginning of its name."""
    if entry.app_protocol is not None:
        return WORDS.get(entry.app_protocol.text.lower())
    name = entry.name.text.lower() if entry.name else ""
    return next((WORDS[word] for word in (name, name.partition("-")[0]) if word in WORDS), None)
