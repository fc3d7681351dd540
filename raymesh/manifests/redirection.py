"""What annotations of a pod take out of its sidecar's redirection.

Source: the injection template and tools/istio-iptables of istio/istio 1.31. Ports that are not included are out; ports
are excluded only where all are included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from raymesh.manifests.objects import Group
from raymesh.manifests.opened import numbers_in
from raymesh.manifests.tree import Value

TRAFFIC = "traffic.sidecar.istio.io/"
MODE = "sidecar.istio.io/interceptionMode"
CONFIG = "proxy.istio.io/config"
_POD_INTERFACE = "eth0"  # what a pod's first interface is called
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def redirected(group: Group) -> bool:
    """Whether a group says anything of its redirection."""
    return any(name.startswith(TRAFFIC) or name in (MODE, CONFIG) for name in group.annotations)


def taken_out(group: Group, opened: Sequence[int], dialled: Sequence[int]) -> Iterator[tuple[Value, list[int]]]:
    """Each annotation of a group that takes out some port numbers that it opens to others or dials there."""
    mode = group.annotations.get(MODE) or config_value(group, "interceptionMode")
    if mode is not None and mode.text.strip() == "NONE":
        yield mode, sorted({*opened, *dialled})
        return
    interfaces = group.annotations.get(TRAFFIC + "excludeInterfaces")
    if interfaces is not None and _POD_INTERFACE in (part.strip() for part in interfaces.text.split(",")):
        yield interfaces, sorted({*opened, *dialled})
        return
    for told, out in (*_inbound(group, opened), *_outbound(group, dialled)):
        if out:
            yield told, out


def _inbound(group: Group, numbers: Sequence[int]) -> Iterator[tuple[Value, list[int]]]:
    included = group.annotations.get(TRAFFIC + "includeInboundPorts")
    if included is not None and included.text.strip() != "*":
        listed = set(numbers_in(included.text))
        yield included, [n for n in numbers if n not in listed]
        return
    yield from _listed(group, TRAFFIC + "excludeInboundPorts", numbers)


def _outbound(group: Group, numbers: Sequence[int]) -> Iterator[tuple[Value, list[int]]]:
    yield from _listed(group, TRAFFIC + "excludeOutboundPorts", numbers)
    by_port = group.annotations.get(TRAFFIC + "includeOutboundPorts")
    kept = set(numbers_in(by_port.text)) if by_port else set()
    everything = by_port is not None and by_port.text.strip() == "*"
    included = group.annotations.get(TRAFFIC + "includeOutboundIPRanges")
    if included is not None and not included.text.strip() and not everything:
        yield included, [n for n in numbers if n not in kept]
    excluded = group.annotations.get(TRAFFIC + "excludeOutboundIPRanges")
    if excluded is not None and any(part.strip() in _EVERYWHERE for part in excluded.text.split(",")):
        yield excluded, list(numbers)


def _listed(group: Group, name: str, numbers: Sequence[int]) -> Iterator[tuple[Value, list[int]]]:
    told = group.annotations.get(name)
    if told is not None:
        listed = set(numbers_in(told.text))
        yield told, [n for n in numbers if n in listed]


def config_value(group: Group, key: str) -> Value | None:
    """A word that the pod's own ProxyConfig says, at the place of the annotation."""
    told = group.annotations.get(CONFIG)
    if told is None:
        return None
    try:
        found = yaml.safe_load(told.text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    value = found.get(key) if isinstance(found, dict) else None
    return Value(str(value), told.node, told.doc) if value is not None else None
