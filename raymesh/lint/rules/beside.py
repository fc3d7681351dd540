"""RM090 and RM091: others in the pod that want the same port as Ray."""

from __future__ import annotations

from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.clusters import PROXIES
from raymesh.manifests.objects import Cluster, Container, Group
from raymesh.manifests.opened import ranges
from raymesh.manifests.relating import World
from raymesh.manifests.tree import Value
from raymesh.ports import Role
from raymesh.ports.facts import PORTS
from raymesh.ports.flags import FLAGS
from raymesh.ports.istio import SIDECAR_PORTS
from raymesh.ports.model import BOTH
from raymesh.ports.startup import HIGHEST_FLAG, LIST_FLAG, METRICS_FLAG, reserved


@rule("RM090", Severity.ERROR, "port of the sidecar")
def rm090(world: World) -> Iterator[Hit]:
    """The sidecar listens there already, in the same pod."""
    for case in world.cases:
        for group in case.cluster.groups:
            taken: dict[str, list[int]] = {}
            for number, flag in _opened(case.cluster, group).items() if _reaches_sidecar(group) else ():
                if number in SIDECAR_PORTS and flag in group.params:
                    taken.setdefault(flag, []).append(number)
            for flag, numbers in taken.items():
                yield Hit(
                    at(group.params[flag]),
                    f"{flag} of group {group.name} takes port {ranges(numbers)}, which the sidecar of the pod listens "
                    f"on ({SIDECAR_PORTS[min(numbers)]})",
                    "a number below 15000 or above 15090",
                )
            for one in (*([group.ray] if group.ray else []), *group.beside):
                for port in one.ports if one.called not in PROXIES else ():
                    own = port.number.number
                    if own in SIDECAR_PORTS and port.tcp:
                        whose = "Ray's container" if one is group.ray else f"container {one.called}"
                        yield Hit(
                            at(port.number),
                            f"{whose} in group {group.name} lists port {own}, which the sidecar of the pod listens on "
                            f"({SIDECAR_PORTS[own]})",
                            "a number below 15000 or above 15090",
                        )


@rule("RM091", Severity.ERROR, "port that another container of the pod has")
def rm091(world: World) -> Iterator[Hit]:
    """The containers of a pod share its ports: the second one to listen ends."""
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            if group.beside:
                yield from _twice(cluster, group)


def _twice(cluster: Cluster, group: Group) -> Iterator[Hit]:
    opened = _opened(cluster, group)
    taken = dict.fromkeys(_listens(group.ray), "Ray's container") if group.ray else {}
    for one in group.beside:
        for key, port in _listens(one).items():
            number, protocol = key
            flag = opened.get(number) if protocol == "TCP" else None
            if flag is None and key not in taken:
                continue
            given = ", which it is without the flag" if flag in FLAGS and flag not in group.params else ""
            other = f"Ray in the same pod ({flag}{given})" if flag else f"{taken[key]} in the same pod"
            yield Hit(
                at(port),
                f"container {one.called} in group {group.name} of {cluster.name.text} listens on "
                f"{number}, and so does {other}",
                f"another port for {one.called}, or for {flag or taken[key]}",
            )
        taken = {**dict.fromkeys(_listens(one), f"container {one.called}"), **taken}


def _listens(of: Container) -> dict[tuple[int, str], Value]:
    """The ports that a container lists, by number and protocol."""
    found: dict[tuple[int, str], Value] = {}
    for port in of.ports:
        if (number := port.number.number) is not None:
            found.setdefault((number, port.protocol.text if port.protocol else "TCP"), port.number)
    return found


def _reaches_sidecar(group: Group) -> bool:
    """Whether a flag names a port of the sidecar, or may hold one in a range or a list: few do, and are worked out."""
    return any(
        value.number in SIDECAR_PORTS
        or name == LIST_FLAG
        or (name == HIGHEST_FLAG and (value.number or 0) >= min(SIDECAR_PORTS))
        for name, value in group.params.items()
    )


def _opened(cluster: Cluster, group: Group) -> dict[int, str]:
    if not group.flags_known:
        return {}
    params = {name: value.text for name, value in group.params.items()}
    if group.own_command:
        params.setdefault(METRICS_FLAG, "0")  # random: the default is KubeRay's
    return {**_METRICS[group.role], **reserved(group.role, params, cluster.version)}


# Ports of Ray that have no flag.
_METRICS: dict[Role, dict[int, str]] = {
    role: {p.numbers[0]: p.name for p in PORTS if p.numbers and len(p.numbers) == 1 and not p.flags and p.of(role)}
    for role in BOTH
}
