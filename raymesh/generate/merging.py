"""Writes a contract into a user's own manifest: comments, order and layout stay.

What the manifest says goes first: Ray version, CPUs, namespace, the name of its Service, numbers of its ports. Options
say what it does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from raymesh.errors import UsageError
from raymesh.generate.manifests import Plan, as_yaml, check, service, worker_range
from raymesh.generate.services import next_service_edit
from raymesh.lint.rules.mesh import label_pods
from raymesh.manifests.collecting import collect
from raymesh.manifests.editing import apply_edits, is_json, quoted, shares, word
from raymesh.manifests.objects import Cluster, Group, Objects
from raymesh.manifests.opened import numbers_in, set_param, worker_numbers
from raymesh.manifests.places import Edit, Unread, shown
from raymesh.manifests.reading import parse
from raymesh.manifests.relating import ADDRESS, Case, Options, fqdn_of, make_world
from raymesh.manifests.tree import ShapeError
from raymesh.ports import WORKER_PORTS, AppProtocol, Contract, Port, Version, contract, pins, working_contract
from raymesh.ports.address import node_address
from raymesh.ports.contract import HIGHEST_PORT, LOWEST_PORT
from raymesh.ports.facts import RAY_WORKER_PORTS
from raymesh.ports.limits import WIDEST, fewest_worker_ports
from raymesh.ports.startup import LIST_FLAG, LOWEST_FLAG

_MOST_EDITS = 2000
_API = "ray.io/"


@dataclass(frozen=True)
class Wishes:
    """What was asked for by options; None and nothing where the manifest shall say it."""

    ray: Version | None = None
    kuberay: Version | None = None
    namespace: str | None = None
    cpus: int | None = None
    worker_ports: range | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    protocols: Mapping[str, AppProtocol] = field(default_factory=dict)


@dataclass(frozen=True)
class Merged:
    """The manifest with its ports, and what was assumed of it."""

    text: str
    notes: tuple[str, ...] = ()


def merge(text: str, wishes: Wishes, name: str | None = None, path: str = "manifest") -> Merged:
    """The text with the ports of its cluster, and its headless Service behind it or in place.

    Args:
        text: a file with one RayCluster, RayJob or RayService, or several if `name` says which.
        wishes: what the manifest does not say, or shall say otherwise.
        name: the cluster, where there are several.
        path: what errors shall call the file.

    Raises:
        UsageError: no such cluster, a text that can't be read, one whose form can't be edited, or numbers that can't
            work; the text names the option that helps.

    """
    case = _find(text, name, path)
    try:
        return _merge(text, case, wishes, name)
    except ShapeError as error:
        raise UsageError(f"{case.cluster.doc.place(error.node)}: {error}") from error


def _merge(text: str, case: Case, wishes: Wishes, name: str | None) -> Merged:
    plan, notes = _plan(case, wishes)
    check(plan)
    seen = {text}
    for _ in range(_MOST_EDITS):
        case = _find(text, name, case.cluster.doc.path)
        edits = _next_edit(case.cluster, plan) or (next_service_edit(case, plan) if case.service else ())
        if not edits:
            break
        if any(shares(text, edit) for edit in edits):
            raise UsageError(
                f"{edits[0].text.strip()[:80]!r} would go into a part of the manifest that an alias refers to, "
                "and change that place too: write it out in both"
            )
        text = apply_edits(text, edits)
        if text in seen:  # a change that changes nothing, or that the next one takes back
            raise UsageError(f"{edits[0].text.strip()[:80]!r} can't be written: the manifest says it in two places")
        seen.add(text)
    else:
        raise UsageError(f"more than {_MOST_EDITS} changes are needed: the manifest is of a form that can't be edited")
    if case.service is None:
        text = _with_service(text, case.cluster, plan)
    return Merged(text, notes)


def _find(text: str, name: str | None, path: str) -> Case:
    objects = Objects()
    for item in parse(path, text):
        if isinstance(item, Unread):
            raise UsageError(str(item))
        try:
            collect(item, objects)
        except ShapeError as error:
            raise UsageError(f"{item.place(error.node)}: {error}") from error
    every = list(make_world(objects, Options(mesh=True)).meshed)
    cases = [c for c in every if name is None or c.cluster.name.text == name]
    if not cases and objects.foreign:
        told = objects.foreign[0]
        raise UsageError(f"{told.place}: API {shown(told.text)}, not {_API}v1: another operator's, left alone")
    if not every:
        raise UsageError(f"{shown(path)}: no RayCluster, RayJob or RayService in it that ports could be written into")
    if len(cases) != 1:
        names = ", ".join(shown(c.cluster.name.text) for c in every)
        raise UsageError(f"clusters in the file: {names}; --name says which one to change")
    cluster = cases[0].cluster
    if cluster.head is None:
        raise UsageError(
            f"{cluster.kind} {shown(cluster.name.text)} has no headGroupSpec: nothing is there that ports could be "
            "written into"
        )
    return cases[0]


def _plan(case: Case, wishes: Wishes) -> tuple[Plan, tuple[str, ...]]:
    cluster = case.cluster
    ray = _ray_version(cluster, wishes)
    namespace, notes = _namespace(case, wishes)
    cpus, unsaid = _cpus(cluster, wishes)
    made = _contract(case, wishes, ray, cpus)
    service_name = _service_name(case)
    plan = Plan(made, name=cluster.label, namespace=namespace, cpus=cpus, service_name=service_name)
    return plan, (*made.notes, *notes, *unsaid)


def _ray_version(cluster: Cluster, wishes: Wishes) -> Version:
    if cluster.version is None:
        if wishes.ray is None:
            raise UsageError(f"{shown(cluster.name.text)} does not say its Ray version: --ray VERSION")
        return wishes.ray
    if wishes.ray not in (None, cluster.version):
        raise UsageError(f"the manifest is for Ray {cluster.version}, not {wishes.ray}: leave --ray out, or change it")
    return cluster.version


def _namespace(case: Case, wishes: Wishes) -> tuple[str, tuple[str, ...]]:
    named = {n for n in (case.cluster.namespace, case.service.namespace if case.service else None) if n}
    named = named or {names[1] for names in _addresses(case.cluster) if "$" not in names[1]}
    if len(named) > 1:
        raise UsageError(f"the manifest names several namespaces, {', '.join(sorted(named))}: make them one")
    told = next(iter(named), None)
    if told is not None and wishes.namespace not in (None, told):
        raise UsageError(f"the manifest is for namespace {shown(told)}, not {wishes.namespace}: leave --namespace out")
    if told is None and wishes.namespace is None:
        return "default", ("the manifest names no namespace: taking default; --namespace NAME for another",)
    return told or wishes.namespace or "default", ()


def _cpus(cluster: Cluster, wishes: Wishes) -> tuple[int, tuple[str, ...]]:
    said = [math.ceil(group.cpu) for group in cluster.groups if group.cpu]
    if wishes.cpus is not None:
        if said and max(said) > wishes.cpus:
            raise UsageError(f"a group of the manifest has {max(said)} CPUs, more than --cpus {wishes.cpus}")
        return wishes.cpus, ()
    silent = [group.name for group in cluster.groups if not group.cpu]
    cpus = max([1, *said])
    note = f"group {shown(silent[0])} does not say its CPUs: taking {cpus}; --cpus N for more" if silent else ""
    return cpus, (note,) if note else ()


def _contract(case: Case, wishes: Wishes, ray: Version, cpus: int) -> Contract:
    numbers = {**_numbers(case.cluster, ray), **wishes.numbers}
    protocols: dict[str, AppProtocol] = {}
    if case.ray_tls:  # the proxy sees TLS, whatever is inside
        encrypted = (p.name for p in working_contract(ray).ports if p.declared_in == "headless" and p.speaks == "grpc")
        protocols = dict.fromkeys((*encrypted, *pins(ray)), "tcp")
    ports = wishes.worker_ports or _own_range(case.cluster, cpus) or worker_range(cpus)
    try:
        return working_contract(
            ray,
            wishes.kuberay,
            worker_ports=ports,
            numbers=numbers,
            protocols={**protocols, **wishes.protocols},
        )
    except UsageError as error:
        raise UsageError(
            f"the manifest's ports: {error}; --port NAME=NUMBER or --worker-ports FIRST-LAST for others"
        ) from error


def _numbers(cluster: Cluster, ray: Version) -> dict[str, int]:
    """Numbers that all groups of the manifest agree on, where a port may have them."""
    found = {}
    for port in contract(ray).ports:
        if port.name == WORKER_PORTS or not port.flags:
            continue
        told = {group.params[port.flags[0]].text for group in cluster.groups if port.flags[0] in group.params}
        number = next(iter(numbers_in(next(iter(told)))), 0) if len(told) == 1 else 0
        if _is_free_choice(port) and LOWEST_PORT <= number <= HIGHEST_PORT:
            found[port.name] = number
    return found


def _is_free_choice(port: Port) -> bool:
    """Whether the headless Service may declare it under any number; KubeRay's own Services have theirs."""
    return port.declared_in == "headless" or port.numbers is None


def _own_range(cluster: Cluster, cpus: int) -> range | None:
    """The worker range of the manifest, where all groups have the same one, neither too narrow nor too wide."""
    told = [worker_numbers(group) for group in cluster.groups]
    first = told[0]
    if isinstance(first, range) and all(one == first for one in told):
        return first if fewest_worker_ports(cpus) <= len(first) <= WIDEST else None
    return None


def _service_name(case: Case) -> str:
    """The name of the Service that is there, or that the nodes name; none where there is neither."""
    if case.service is not None:
        return case.service.name.text
    named = {names[0] for names in _addresses(case.cluster)}
    if not named:
        return ""
    if len(named) > 1 or "$" in next(iter(named)):
        raise UsageError(
            f"the nodes name their Service as {', '.join(sorted(map(shown, named)))}, and the file has no such "
            "Service: put it into the file, or write its plain name"
        )
    return next(iter(named))


def _addresses(cluster: Cluster) -> list[tuple[str, str]]:
    told = (group.params.get(ADDRESS) for group in cluster.groups)
    return [names for value in told if value is not None and (names := fqdn_of(value))]


def _next_edit(cluster: Cluster, plan: Plan) -> tuple[Edit, ...]:
    """The edits for the first thing that is not yet as planned."""
    for group in cluster.groups:
        for flag, value in _params(group, plan).items():
            told = group.params.get(flag)
            if told is None or told.text != value or not told.is_string:
                edits = set_param(group, flag, quoted(value) if value.isdecimal() else word(value))
                return _possible(group, flag, edits)
        if LIST_FLAG in group.params:
            raise UsageError(
                f"group {shown(group.name)} has {LIST_FLAG}: take it out, --worker-ports FIRST-LAST names a range"
            )
        if "app" not in group.labels:
            return _possible(group, "the label app", label_pods(cluster, group))
    return ()


def _params(group: Group, plan: Plan) -> dict[str, str]:
    params = plan.contract.ray_start_params(group.role)
    if LOWEST_FLAG in group.params and LOWEST_FLAG not in params:
        params[LOWEST_FLAG] = str(RAY_WORKER_PORTS[0])
    told = group.params.get(ADDRESS)
    names = fqdn_of(told) if told is not None else None
    if names is None or not (_is(names[0], plan.service) and _is(names[1], plan.namespace)):
        params[ADDRESS] = node_address(plan.service, plan.namespace)
    return params


def _is(told: str, wanted: str) -> bool:
    """Whether a step of a name is the wanted one; what the shell fills in is the user's business."""
    return "$" in told or told == wanted


def _possible(group: Group, what: str, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    if not edits:
        raise UsageError(
            f"{what} of group {shown(group.name)} stands in a form that can't be edited: write it out, one a line"
        )
    return edits[:1]


def _with_service(text: str, cluster: Cluster, plan: Plan) -> str:
    if is_json(text):
        raise UsageError(
            "a JSON file holds one object, and the headless Service would be a second one: "
            "put both into a List, or give YAML"
        )
    selector = None if cluster.name_is_known else {"app": cluster.groups[0].labels["app"].text}
    break_line = "" if text.endswith("\n") else "\n"
    behind = f"{break_line}---\n{as_yaml(service(plan, selector))}"
    return apply_edits(text, [Edit(cluster.doc.path, len(text), len(text), behind)])
