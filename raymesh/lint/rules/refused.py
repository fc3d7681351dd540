"""RM053, RM063 and RM097: objects of Istio that its webhook or the API server refuses.

Read from pkg/config/validation/validation.go and pkg/config/security/security.go of istio/istio 1.31.
tests/unit/lint/test_refused.py holds it to answers of `istioctl validate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.lint.told import Told
from raymesh.manifests.hosts import catches, catches_pods, full_name, hosts_of
from raymesh.manifests.policies import (
    AuthorizationPolicy,
    DestinationRule,
    PeerAuthentication,
    Policy,
    RequestAuthentication,
    ServiceEntry,
    Sidecar,
    VirtualService,
)
from raymesh.manifests.relating import Case, World
from raymesh.manifests.selecting import Selector
from raymesh.manifests.surroundings import ROOT_NAMESPACE


@rule("RM053", Severity.ERROR, "AuthorizationPolicy that Istio refuses")
def rm053(world: World) -> Iterator[Hit]:
    """Fields and words that do not exist, empty parts, ports that are none, parts that exclude each other."""

    def bearing(case: Case) -> Iterator[AuthorizationPolicy]:
        for policy in case.around.policies.of(case.cluster):
            if _bears(policy, case) and not (policy.targets_gateways and policy.selector.empty):
                yield policy

    yield from _told(world, bearing)


@rule("RM063", Severity.ERROR, "PeerAuthentication that Istio refuses or passes over")
def rm063(world: World) -> Iterator[Hit]:
    """Ports without a selector, a selector in the root namespace, a mode or port that does not exist, a second one."""

    def bearing(case: Case) -> Iterator[PeerAuthentication]:
        for policy in case.around.peers.of(case.cluster):
            if _bears(policy, case):
                yield policy

    yield from _told(world, bearing)
    yield from _second(world)


@rule("RM097", Severity.ERROR, "object of Istio that Istio refuses")
def rm097(world: World) -> Iterator[Hit]:
    """Fields and words that do not exist, and what else keeps routes, Sidecars and token rules from being applied."""

    def tokens(case: Case) -> Iterator[RequestAuthentication]:
        yield from (p for p in case.around.tokens.of(case.cluster) if _bears(p, case))

    def sidecars(case: Case) -> Iterator[Sidecar]:
        yield from (p for p in case.around.sidecars.of(case.cluster) if _bears(p, case))

    def destinations(case: Case) -> Iterator[DestinationRule]:
        for policy in case.around.destination_rules.of(case.cluster):
            if any(catches(full_name(policy.host.text, policy.namespace), host) for host in hosts_of(case)):
                yield policy

    def services(case: Case) -> Iterator[VirtualService]:
        for policy in case.around.virtual_services.of(case.cluster):
            hosts = [full_name(v.text, policy.namespace) for v in policy.hosts]
            if any(catches(name, host) for name in hosts for host in hosts_of(case)):
                yield policy

    def entries(case: Case) -> Iterator[ServiceEntry]:
        for policy in case.around.service_entries.of(case.cluster):
            hosts = hosts_of(case)
            if any(catches(v.text, host) or catches_pods(v.text, host) for v in policy.hosts for host in hosts):
                yield policy

    for bearing in (tokens, sidecars, destinations, services, entries):
        yield from _told(world, bearing)


def _told(world: World, bearing: Callable[[Case], Iterator[Policy]]) -> Iterator[Hit]:
    """What is wrong with the objects that bear on clusters of the mesh, each said once."""
    told, cures = Told(), {}
    for case in world.meshed:
        for policy in bearing(case):
            from raymesh.lint.rules.refused_kinds import refusals  # noqa: PLC0415 - many inputs have no such object

            for where, what, cure in refusals(policy):
                message = f"{type(policy).__name__} {policy.name.text}: {what}"
                cures[message] = cure
                told.add(where, message, case.cluster)
    for said in told:
        yield Hit(at(said.where), f"{said.message}: Istio refuses it", cures[said.message])


def _bears(policy: Policy, case: Case) -> bool:
    """Whether it is for pods of a cluster, or would be, were a wildcard of its selector one."""
    plain = {name: value for name, value in policy.selector.labels.items() if "*" not in name + value.text}
    selector = policy.selector if len(plain) == len(policy.selector.labels) else Selector(plain)
    return selector.empty or any(selector.holds(m.labels) is True for m in case.members)


def _second(world: World) -> Iterator[Hit]:
    """PeerAuthentications that Istio passes over: in the root for some pods, or younger than another one."""
    younger, elsewhere = Told(), Told()
    for case in world.meshed:
        for member in case.members:
            for first, *others in filter(None, case.around.peer_levels(member)):
                for other in others:
                    if other.name.text != first.name.text and _differ(first, other):
                        younger.add(other.name, _passed_over(first, other), case.cluster)
        for peer in case.around.peers.of(case.cluster):
            if peer.namespace == ROOT_NAMESPACE and not peer.selector.empty and _bears(peer, case):
                message = f"PeerAuthentication {peer.name.text} selects pods from {ROOT_NAMESPACE}"
                elsewhere.add(peer.name, message, case.cluster)
    for said in younger:
        yield Hit(at(said.where), said.message, "one for the same pods")
    for said in elsewhere:
        yield Hit(
            at(said.where),
            f"{said.message}: Istio passes over it, as it does not lie with them",
            "a selector in the namespace of the pods",
        )


def _passed_over(first: PeerAuthentication, other: PeerAuthentication) -> str:
    message = f"PeerAuthentication {other.name.text} is for the same pods as {first.name.text}"
    if first.created and other.created and first.created != other.created:
        return f"{message}, which is older: Istio passes over {other.name.text}"
    return (
        f"{message}: Istio takes the older of the two, and passes over the other. A file does not say which that is; "
        f"applied together it is {first.name.text}"
    )


def _differ(one: PeerAuthentication, other: PeerAuthentication) -> bool:
    def says(peer: PeerAuthentication) -> tuple[str, dict[str, str]]:
        return peer.mode.text if peer.mode else "", {port: mode.text for port, mode in peer.port_modes.items()}

    return says(one) != says(other)
