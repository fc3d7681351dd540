"""Puts a headless Service that is already there right: its ports, and what makes it one for Ray nodes."""

from __future__ import annotations

import re

from raymesh.errors import UsageError
from raymesh.generate.manifests import Plan
from raymesh.manifests.editing import add_elements, drop_element, drop_key, replace_node, set_key, word
from raymesh.manifests.objects import Entry, Service
from raymesh.manifests.places import Edit, shown
from raymesh.manifests.relating import Case, selects_all
from raymesh.manifests.surroundings import CLUSTER_LABEL
from raymesh.manifests.tree import child
from raymesh.ports import ServicePort

_WORKER_NAME = re.compile(r"p\d+", re.ASCII)
# What Istio takes for gRPC besides the word itself: both are HTTP/2.
_SAME = {"grpc": ("grpc", "http2", "kubernetes.io/h2c")}


def next_service_edit(case: Case, plan: Plan) -> tuple[Edit, ...]:
    """The edits for the first thing of the cluster's Service that is not as planned; none if all is.

    Raises UsageError where it can't be made so.
    """
    service = case.service
    assert service is not None, "only called for one that is there"
    if service.external:
        raise UsageError(f"Service {_name(service)} is of a type that is never headless: take `type` out")
    if not service.headless:
        return _possible(service, "clusterIP", set_key(service.doc, service.spec, "clusterIP", "None"))
    if service.publishes_early is None or not service.publishes_early.true:
        edits = set_key(service.doc, service.spec, "publishNotReadyAddresses", "true")
        return _possible(service, "publishNotReadyAddresses", edits)
    return _selector(case, service) or _wanted(service, plan) or _unwanted(service, plan)


def _selector(case: Case, service: Service) -> tuple[Edit, ...]:
    if selects_all(service, case.cluster):
        return ()
    name = case.cluster.name.text
    if case.cluster.name_is_known and set(service.selector) == {CLUSTER_LABEL}:
        node = child(service.spec, "selector")
        return _possible(service, "selector", set_key(service.doc, node, CLUSTER_LABEL, word(name)))
    told = ", ".join(f"{shown(k)}={shown(v.text)}" for k, v in service.selector.items()) or "nothing"
    raise UsageError(
        f"Service {_name(service)} selects {told}: not all pods of {case.cluster.kind} {shown(name)} have that; "
        "select a label that all of them have"
    )


def _wanted(service: Service, plan: Plan) -> tuple[Edit, ...]:
    for port in plan.contract.headless_ports():
        entry = _entry(service, port)
        if entry is None:
            fields = {"name": _free_name(service, port), "port": str(port.number), "appProtocol": port.app_protocol}
            edits = add_elements(service.doc, service.ports_node, [fields])
            return _possible(service, f"port {port.number}", edits)
        what = f"port {port.number}"
        if entry.number.number != port.number:
            return _possible(service, what, replace_node(service.doc, entry.number.node, str(port.number)))
        told = entry.app_protocol.text if entry.app_protocol else ""
        if told not in _SAME.get(port.app_protocol, (port.app_protocol,)):
            return _possible(service, what, set_key(service.doc, entry.node, "appProtocol", port.app_protocol))
        if entry.protocol is not None and entry.protocol.text != "TCP":
            return _possible(service, what, replace_node(service.doc, entry.protocol.node, "TCP"))
        if entry.target is not None and entry.target.number not in (None, port.number):
            return _possible(service, what, drop_key(service.doc, entry.node, "targetPort"))
    return ()


def _unwanted(service: Service, plan: Plan) -> tuple[Edit, ...]:
    """Entries by the names of Ray's ports for numbers that no node opens any more; a user's own ones stay."""
    numbers = {port.number for port in plan.contract.headless_ports()}
    names = {port.name for port in plan.contract.ports}
    for entry in service.entries:
        name = entry.name.text if entry.name else ""
        known = plan.contract.port_at(entry.number.number or 0)
        if entry.number.number not in numbers and known is None and (name in names or _WORKER_NAME.fullmatch(name)):
            return _possible(service, f"port {name}", drop_element(service.doc, service.ports_node, entry.node))
    return ()


def _entry(service: Service, port: ServicePort) -> Entry | None:
    """The entry that has the port's number, else the one that has its name."""
    by_number = (e for e in service.entries if e.number.number == port.number)
    by_name = (e for e in service.entries if e.name is not None and e.name.text == port.name)
    return next(by_number, None) or next(by_name, None)


def _free_name(service: Service, port: ServicePort) -> str:
    taken = {entry.name.text for entry in service.entries if entry.name}
    return port.name if port.name not in taken else f"p{port.number}"


def _possible(service: Service, what: str, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    if not edits:
        raise UsageError(
            f"{what} of Service {_name(service)} stands in a form that can't be edited: write it out, one a line"
        )
    return edits


def _name(service: Service) -> str:
    return shown(service.name.text)
