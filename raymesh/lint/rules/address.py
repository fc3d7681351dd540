"""RM017 to RM019 and RM040: the name under which a node registers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import replace_node, word
from raymesh.manifests.objects import Group, Service
from raymesh.manifests.opened import set_param
from raymesh.manifests.places import Edit
from raymesh.manifests.relating import ADDRESS, Case, World, fqdn_of
from raymesh.ports.address import node_address, node_address_dual_stack

_ADDRESS = re.compile(r"hostname -[iI]\b|\$\{?(?:POD_IP|MY_POD_IP|RAY_NODE_IP)\b|\b\d+\.\d+\.\d+\.\d+$")
_CHANGES = ("sed", "tr '.'", 'tr "."', "tr .", "tr \\.", "//", "awk", "perl", "python", "replace", "tr -s", "-d.")
_CUTS = ("tr -d", "tr -s", "cut ", "awk ", "xargs", "sed 's/ ", "sed 's/\\s", "head -c")


@rule("RM017", Severity.ERROR, "node-ip-address is not the name in the headless Service")
def rm017(world: World) -> Iterator[Hit]:
    """Istio finds a Ray node by its host name in the headless Service, never by its IP address."""
    for case in world.cases:
        if case.service is None or case.cluster.registers_by_name:
            continue
        for group in case.cluster.groups:
            wrong = _wrong_address(case, case.service, group) if group.flags_known else None
            if wrong:
                told = group.params.get(ADDRESS)
                yield Hit(
                    at(told or (group.doc, group.node)),
                    f"{ADDRESS} of group {group.name} {wrong}",
                    f"ADDRESS.{case.service.name.text}.{_namespace(case, case.service) or 'NAMESPACE'}.svc.ZONE",
                    _rename(case, case.service, group),
                )


@rule("RM018", Severity.WARNING, "node-ip-address joins two addresses")
def rm018(world: World) -> Iterator[Hit]:
    """On a dual-stack pod `hostname -I` prints two addresses, and the guide's `tr -d ' '` joins them."""
    for case in world.cases:
        if not any(service.dual_stack and len(service.families) != 1 for service in case.services):
            continue
        for group in case.cluster.groups:
            told = group.params.get(ADDRESS)
            names = fqdn_of(told) if told else None
            if told and "hostname -I" in told.text and "tr -d" in told.text:
                yield Hit(
                    at(told),
                    f"{ADDRESS} of group {group.name} joins all addresses of a dual-stack pod to one word",
                    "take the first: hostname -I | cut -d' ' -f1",
                    set_param(group, ADDRESS, word(node_address_dual_stack(*names))) if names else (),
                )


@rule("RM019", Severity.ERROR, "escaped dollar sign")
def rm019(world: World) -> Iterator[Hit]:
    """The guide's here-document escapes `$(`; in a file the backslash reaches Ray."""
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            for name, value in group.params.items():
                if "\\$(" in value.text or "\\`" in value.text:
                    plain = value.text.replace("\\$(", "$(").replace("\\`", "`")
                    yield Hit(
                        at(value),
                        f"{name} of group {group.name} has a backslash before the command: the shell will not run it",
                        "take the backslash out: only a here-document needs it",
                        replace_node(value.doc, value.node, word(plain)),
                    )


@rule("RM040", Severity.ERROR, "node-ip-address has a space in it")
def rm040(world: World) -> Iterator[Hit]:
    """`hostname -I` ends its line with a space, which stands between the address and the name."""
    for cluster in world.objects.clusters:
        for group in cluster.groups:
            told = group.params.get(ADDRESS)
            names = fqdn_of(told) if told else None
            if told and names and "hostname -I" in told.text and not any(cut in told.text for cut in _CUTS):
                yield Hit(
                    at(told),
                    f"{ADDRESS} of group {group.name} keeps the space that `hostname -I` prints behind an address: "
                    "the shell makes two words of it",
                    "hostname -I | tr -d ' '",
                    set_param(group, ADDRESS, word(node_address(*names))),
                )


def _wrong_address(case: Case, service: Service, group: Group) -> str | None:
    """What is wrong with the address of a group, None if nothing is."""
    told = group.params.get(ADDRESS)
    if told is None:
        return "is missing: the node registers by its IP address, which the mesh can't map to a workload"
    names = fqdn_of(told)
    if names is None:
        return f"is {told.text!r}: not a name in Service {service.name.text}"
    if _keeps_dots(told.text[: told.text.rindex(f".{names[0]}.")]):
        return "keeps the dots of an address: pods are called by their address with dashes, so no DNS has this name"
    namespace = _namespace(case, service)
    if "$" not in names[0] and names[0] not in {s.name.text for s in case.services}:
        return f"names Service {names[0]!r}, but the Service of this cluster is {service.name.text!r}"
    if "$" not in names[1] and namespace is not None and names[1] != namespace:
        return f"names namespace {names[1]!r}, but Service {service.name.text} is in {namespace!r}"
    return None


def _keeps_dots(first: str) -> bool:
    """Whether the first step of a name is an address as it is: made by a command or a variable that changes no dot."""
    return _ADDRESS.search(first) is not None and not any(word in first for word in _CHANGES)


def _namespace(case: Case, service: Service) -> str | None:
    return service.namespace or case.cluster.namespace


def _rename(case: Case, service: Service, group: Group) -> tuple[Edit, ...]:
    namespace = _namespace(case, service)
    if namespace is None:
        return ()
    if service.namespace and case.cluster.namespace and service.namespace != case.cluster.namespace:
        return ()  # no name can cure a Service in another namespace
    return set_param(group, ADDRESS, word(node_address(service.name.text, namespace)))
