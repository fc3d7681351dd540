"""RM090 and RM091: others in the pod that want the same port as Ray."""

from __future__ import annotations

from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.clusters import PROXIES
from raymesh.manifests.objects import Cluster, Group
from raymesh.manifests.opened import ranges
from raymesh.manifests.relating import World
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
            for container in (*([group.ray] if group.ray else []), *group.beside):
                for port in container.ports if container.called not in PROXIES else ():
                    own = port.number.number
                    if own in SIDECAR_PORTS and port.tcp:
                        whose = "Ray's container" if container is group.ray else f"container {container.called}"
                        yield Hit(
                            at(port.number),
                            f"{whose} in group {group.name} lists port {own}, which the sidecar of the pod listens on "
                            f"({SIDECAR_PORTS[own]})",
                            "a number below 15000 or above 15090",
                        )


@rule("RM091", Severity.ERROR, "another container has a port of Ray")
def rm091(world: World) -> Iterator[Hit]:
    """The containers of a pod share its ports: the second one to listen ends."""
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            opened = _opened(cluster, group) if group.beside else {}
            for container in group.beside:
                for port in (p for p in container.ports if p.tcp):
                    flag = opened.get(port.number.number or 0)
                    if flag is None:
                        continue
                    given = ", which it is without the flag" if flag in FLAGS and flag not in group.params else ""
                    yield Hit(
                        at(port.number),
                        f"container {container.called} in group {group.name} of {cluster.name.text} listens on "
                        f"{port.number.text}, and so does Ray in the same pod ({flag}{given})",
                        f"another port for {container.called}, or for {flag}",
                    )


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
