"""RM054 to RM057: NetworkPolicies in front of and behind Ray's pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.lint.told import Told
from raymesh.manifests.dialled import dialled
from raymesh.manifests.membership import Membership
from raymesh.manifests.packets import Way, elsewhere_test, openings, passes, pod_test
from raymesh.manifests.policies import NetworkPolicy
from raymesh.manifests.relating import Case, World
from raymesh.manifests.surroundings import Member, bears_on, together

_WAYS: tuple[Way, ...] = ("ingress", "egress")
_HBONE = 15008  # ztunnels carry all traffic of ambient pods on it
_DNS = (53, 5353, 8053, 1053)  # Kubernetes' Service, and the pods behind it as some distributions run them
_ISTIOD = (15012, 15010)
_TRACING = (9411, 4317, 4318, 14250, 14268, 11800, 55678)  # zipkin, OpenTelemetry, jaeger, skywalking, opencensus


@rule("RM054", Severity.ERROR, "NetworkPolicy shuts ports that Ray nodes dial")
def rm054(world: World) -> Iterator[Hit]:
    """A port that Ray nodes dial at each other, and no rule that lets the packets through."""
    told = Told()
    for case in (c for c in world.meshed if c.around.networks.of(c.cluster)):
        for target in case.members:
            for source in case.members:
                for way in _WAYS:
                    shut = _shut(case, source, target, way)
                    if shut:
                        message = f"NetworkPolicy {shut[0].name.text} shuts {way} between Ray nodes"
                        told.add(shut[0].name, message, case.cluster, shut[1])
    for said in told:
        yield Hit(
            at(said.where),
            f"{said.message} at port {said.ports} of {said.names}",
            "let pods of the cluster reach each other at every port",
        )


@rule("RM055", Severity.ERROR, "NetworkPolicy shuts DNS")
def rm055(world: World) -> Iterator[Hit]:
    """Ray nodes find each other by name, and their pods may not ask for names."""
    yield from _shut_elsewhere(world.meshed, "UDP", _DNS, "DNS (UDP 53): Ray nodes find each other by name")


@rule("RM056", Severity.ERROR, "NetworkPolicy shuts the control plane")
def rm056(world: World) -> Iterator[Hit]:
    """Sidecars get certificates and routes from istiod."""
    message = "istiod (TCP 15012): without it a sidecar has no certificate, and the pod never becomes ready"
    yield from _shut_elsewhere(world.cases, "TCP", _ISTIOD, message)


@rule("RM057", Severity.NOTE, "NetworkPolicy shuts tracing")
def rm057(world: World) -> Iterator[Hit]:
    """Sidecars send spans to a collector in another namespace."""
    message = "collectors of traces (9411, 4317): if sidecars send spans, they are lost"
    yield from _shut_elsewhere(world.cases, "TCP", _TRACING, message)


def _shut_elsewhere(cases: Iterable[Case], protocol: str, ports: Sequence[int], what: str) -> Iterator[Hit]:
    told = Told()
    for case in (c for c in cases if c.around.networks.of(c.cluster)):
        test = elsewhere_test(case.cluster.namespace)
        for member in case.members:
            policies = _bearing(case, member)
            rules = openings(policies, "egress")
            if rules is not None and all(passes(rules, test, n, protocol, {}) is False for n in ports):
                first = _isolating(policies, "egress")
                told.add(first.name, f"NetworkPolicy {first.name.text} shuts {what}", case.cluster)
    for said in told:
        yield Hit(at(said.where), f"{said.message} ({said.names})", f"an egress rule for {protocol} {ports[0]}")


def _shut(case: Case, source: Member, target: Member, way: Way) -> tuple[NetworkPolicy, list[int]] | None:
    """A policy that isolates the end that a direction is about, and the ports that none lets through."""
    member, other = (target, source) if way == "ingress" else (source, target)
    policies = _bearing(case, member)
    rules = openings(policies, way)
    if rules is None:
        return None
    test = pod_test(other, case.cluster.namespace)
    numbers = {n for _, some in dialled(case, source.group, target.group) for n in some}
    if target.membership is Membership.AMBIENT and numbers:
        numbers = {_HBONE}
    shut = [n for n in numbers if passes(rules, test, n, "TCP", target.group.port_names) is False]
    return (_isolating(policies, way), shut) if shut else None


def _isolating(policies: Sequence[NetworkPolicy], way: Way) -> NetworkPolicy:
    return next(p for p in policies if (p.ingress if way == "ingress" else p.egress) is not None)


def _bearing(case: Case, member: Member) -> list[NetworkPolicy]:
    """NetworkPolicies that select a group; none if some may: they may open what others shut."""
    own = [p for p in case.around.networks.of(case.cluster) if together(p, case.cluster)]
    told = [(p, bears_on(p, member)) for p in own]
    return [p for p, answer in told if answer] if all(answer is not None for _, answer in told) else []
