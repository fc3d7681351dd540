"""RM087 to RM089 and RM099: names under which a node registers, and the DNS that has to know them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import word
from raymesh.manifests.membership import Membership, on_host_network
from raymesh.manifests.objects import Group
from raymesh.manifests.opened import set_param
from raymesh.manifests.relating import ADDRESS, Case, World, fqdn_of
from raymesh.manifests.tree import Value, child, elements
from raymesh.ports.address import node_address_dual_stack

_ZONE = re.compile(r"\.svc\.([a-z0-9][a-z0-9.-]*)\s*$")
_OWN_ADDRESS = "hostname -I"
_FIRST = "ClusterFirst"


@rule("RM087", Severity.ERROR, "zones of node names differ")
def rm087(world: World) -> Iterator[Hit]:
    """All nodes of a cluster lie in one zone of DNS: a name in another one does not resolve."""
    domains = {o.domain.text.strip(".") for o in world.objects.operators if o.domain and o.domain.text}
    domain = next(iter(domains)) if len(domains) == 1 else None
    for case in world.cases:
        told = [(group, value, zone) for group, value in _addresses(case) if (zone := _zone(value))]
        if not told:
            continue
        right, whose = (domain, "the operator's CLUSTER_DOMAIN") if domain else (told[0][2], f"group {told[0][0].name}")
        for group, value, zone in told:
            if zone != right:
                yield Hit(
                    at(value),
                    f"{ADDRESS} of group {group.name} ends in zone {zone}, that of {whose} is {right}: one of the "
                    "names does not resolve",
                    f"the cluster's zone in every group: .svc.{right}, if that is it",
                )


@rule("RM088", Severity.ERROR, "node-ip-address keeps the colons of IPv6")
def rm088(world: World) -> Iterator[Hit]:
    """A pod's name in DNS has dashes where its address has colons."""
    for case in world.cases:
        if not any(service.families[:1] == ("IPv6",) for service in case.services):
            continue
        for group, value in _addresses(case):
            names = fqdn_of(value)
            if names is None or _OWN_ADDRESS not in value.text or ":" in value.text:
                continue
            yield Hit(
                at(value),
                f"{ADDRESS} of group {group.name} turns dots to dashes, and the pods of this Service have IPv6 "
                "addresses: the name keeps colons, and no DNS has it",
                "sed 's/[.:]/-/g'",
                set_param(group, ADDRESS, word(node_address_dual_stack(*names))),
            )


@rule("RM089", Severity.ERROR, "DNS names pods, not their addresses")
def rm089(world: World) -> Iterator[Hit]:
    """With endpoint_pod_names CoreDNS calls an endpoint by its pod's name: the dashed address does not exist then."""
    for told in world.objects.pod_name_dns:
        named = [c.cluster.name.text for c in world.cases if any(_OWN_ADDRESS in v.text for _, v in _addresses(c))]
        if named:
            yield Hit(
                at(told),
                f"this Corefile has endpoint_pod_names, so endpoints are called as their pods are, and the nodes of "
                f"{named[0]} register by their dashed address: their names do not resolve",
                "take endpoint_pod_names out, or register by $(hostname) instead of $(hostname -I | ...)",
            )


def _addresses(case: Case) -> Iterator[tuple[Group, Value]]:
    for group in case.cluster.groups:
        told = group.params.get(ADDRESS)
        if told is not None:
            yield group, told


def _zone(value: Value) -> str | None:
    found = _ZONE.search(value.text) if fqdn_of(value) is not None else None
    return found[1].rstrip(".") if found else None


@rule("RM099", Severity.ERROR, "pods that ask another DNS than the cluster's")
def rm099(world: World) -> Iterator[Hit]:
    """Nodes find the head, and each other, by names that the DNS of the cluster alone knows."""
    for member in world.members:
        cluster, group = member.cluster, member.group
        found = _resolver(group) if group.dns_policy or group.host_network else None
        if found is None or member.asked is Membership.AMBIENT:  # a ztunnel answers for its pods
            continue
        if (group.role == "head" and not _has_name(group)) or _captures(group):
            continue
        where, problem, cure = found
        whom = "their own names" if group.role == "head" else "the head by its Service's name"
        yield Hit(
            at(where),
            f"pods of group {group.name} in {cluster.name.text} {problem}: they do not find {whom}",
            cure,
        )


def _resolver(group: Group) -> tuple[Value, str, str] | None:
    """Where a pod says that it does not ask the cluster's DNS, how, and the cure."""
    told = group.dns_policy
    policy = told.text if told is not None else _FIRST
    if elements(child(group.node, "template", "spec", "dnsConfig", "nameservers")):
        return None  # they may be the cluster's
    if policy == "None" and told is not None:
        return told, "ask no DNS (dnsPolicy None without nameservers)", f"dnsPolicy: {_FIRST}"
    if policy == "Default" and told is not None:
        return told, "ask the DNS of their host (dnsPolicy Default)", f"dnsPolicy: {_FIRST}"
    if policy == _FIRST and on_host_network(group) and group.host_network is not None:
        return group.host_network, "have their host's network, and with it its DNS", f"dnsPolicy: {_FIRST}WithHostNet"
    return None


def _has_name(group: Group) -> bool:
    value = group.params.get(ADDRESS)
    return value is not None and fqdn_of(value) is not None


def _captures(group: Group) -> bool:
    """Whether the sidecar answers for names of the mesh."""
    told = group.annotations.get("proxy.istio.io/config")
    return told is not None and "ISTIO_META_DNS_CAPTURE" in told.text
