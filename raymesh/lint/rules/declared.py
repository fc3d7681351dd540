"""RM001, RM002, RM004 to RM007: the ports that Ray opens against those that the Service declares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.editing import add_elements, drop_element, quoted, replace_node
from raymesh.manifests.objects import Group, Service
from raymesh.manifests.opened import node_ports, number_of, ranges, set_param, source, worker_numbers
from raymesh.manifests.places import Edit
from raymesh.manifests.relating import Case, World
from raymesh.ports import WORKER_PORTS, Port
from raymesh.ports.istio import SIDECAR_PORTS
from raymesh.ports.limits import BESIDE_WORKERS, LAST_APPLIED, apply_refuses, fewest_worker_ports
from raymesh.ports.startup import HIGHEST_FLAG, LIST_FLAG, LOWEST_FLAG

_WORKER_NAME = re.compile(r"p\d+")


@rule("RM001", Severity.ERROR, "port opened but not declared")
def rm001(world: World) -> Iterator[Hit]:
    """A port that Ray nodes dial is missing from the headless Service."""
    for case, service in world.pairs:
        seen: set[int] = set()
        for group in case.cluster.groups:
            for port in node_ports(case.contract, group):
                number = number_of(group, port)
                if number is None or number in service.numbers or number in seen:
                    continue
                seen.add(number)
                yield Hit(
                    source(group, port),
                    f"{port.name} {number} is opened by group {group.name}, but Service {service.name.text} "
                    "does not declare it",
                    f"declare {number} with appProtocol {port.app_protocol}",
                    _declare(case, service, port, number),
                )


@rule("RM002", Severity.WARNING, "port declared but never opened")
def rm002(world: World) -> Iterator[Hit]:
    """The Service declares a number that no group opens."""
    for case, service in world.pairs:
        if not case.cluster.flags_known:
            continue
        in_pods = {n for group in case.cluster.groups for n in group.container_ports}
        left_to_ray = any(worker_numbers(group) is None for group in case.cluster.groups)
        for entry in service.entries:
            number = entry.number.number
            if number is None or case.owner_of(number) or number in in_pods or number in SIDECAR_PORTS:
                continue
            name = entry.name.text if entry.name else ""
            if left_to_ray and name == f"p{number}":
                continue  # RM023 says that the range is missing
            ours = _WORKER_NAME.fullmatch(name) or any(name == p.name for p in case.contract.ports)
            yield Hit(
                at(entry.number),
                f"port {number} ({name or 'no name'}) is declared, but no group of {case.cluster.name.text} opens it",
                "take it out, or open it",
                drop_element(service.doc, service.ports_node, entry.node) if ours else (),
                None if ours else Severity.NOTE,  # an application may listen on what no container lists
            )


@rule("RM004", Severity.ERROR, "worker ports not wholly declared")
def rm004(world: World) -> Iterator[Hit]:
    """Some ports of a worker range are missing from the headless Service."""
    for case, service in world.pairs:
        port = case.contract.find(WORKER_PORTS)
        seen: set[int] = set()
        for group in case.cluster.groups:
            numbers = worker_numbers(group) or ()
            missing = [n for n in numbers if n not in service.numbers and n not in seen]
            if not missing:
                continue
            seen.update(missing)
            yield Hit(
                source(group, port),
                f"group {group.name} opens worker ports {ranges(numbers)}, but Service {service.name.text} "
                f"does not declare {ranges(missing)}",
                "declare each of them: a Service has no ranges",
                _declare_workers(service, missing, port) if len(missing) <= world.options.widest else (),
            )


@rule("RM005", Severity.WARNING, "worker range too wide")
def rm005(world: World) -> Iterator[Hit]:
    """So many worker ports that the sidecars of the whole mesh pay for them."""
    for case in world.cases:
        for group in case.cluster.groups:
            count = len(worker_numbers(group) or ())
            if count <= world.options.widest:
                continue
            refused = (
                f"; kubectl apply refuses such a Service: its annotation would pass {LAST_APPLIED} bytes"
                if apply_refuses(count)
                else ""
            )
            yield Hit(
                source(group, case.contract.find(WORKER_PORTS)),
                f"group {group.name} opens {count} worker ports: every sidecar of the mesh keeps configuration for "
                f"each of them, in each such cluster{refused}",
                f"at most {world.options.widest}: CPUs, zero-CPU actors and {BESIDE_WORKERS} more",
            )


@rule("RM006", Severity.WARNING, "worker range too narrow")
def rm006(world: World) -> Iterator[Hit]:
    """Fewer worker ports than CPUs, a driver and the job agent need."""
    for case in world.cases:
        for group in case.cluster.groups:
            numbers = worker_numbers(group)
            if numbers is None or group.cpu is None:
                continue
            needed = fewest_worker_ports(group.cpu)
            if len(numbers) < needed:
                yield Hit(
                    source(group, case.contract.find(WORKER_PORTS)),
                    f"group {group.name} has {len(numbers)} worker ports for {group.cpu:g} CPUs: "
                    f"needs at least {needed}, and one more for each zero-CPU actor",
                    _widen(group, numbers, needed),
                )


@rule("RM007", Severity.WARNING, "groups open different ports")
def rm007(world: World) -> Iterator[Hit]:
    """Head and workers give the same port different numbers."""
    for case in world.cases:
        if not case.cluster.groups:
            continue
        for port in case.contract.ports:
            if port.declared_in == "headless" and len(port.roles) > 1:
                yield from _differences(case, port)


def _widen(group: Group, numbers: Sequence[int], needed: int) -> str:
    if LIST_FLAG in group.params:
        return f"lengthen {LIST_FLAG} by {needed - len(numbers)} or more: it goes before {HIGHEST_FLAG}"
    return f"set {HIGHEST_FLAG} to {numbers[0] + needed - 1} or more"


def _differences(case: Case, port: Port) -> Iterator[Hit]:
    told = [(group, _numbers(group, port)) for group in case.cluster.groups]
    declared = case.service.numbers if case.service else frozenset()
    model, right = next(((g, n) for g, n in told if n and declared.issuperset(n)), told[0])
    if right is None:
        return
    for group, numbers in told:
        if numbers is not None and list(numbers) != list(right):
            yield Hit(
                source(group, port),
                f"{port.name} is {ranges(numbers)} in group {group.name}, but {ranges(right)} in group {model.name}",
                "give every group the same numbers",
                _align(group, model, port, right),
            )


def _numbers(group: Group, port: Port) -> Sequence[int] | None:
    if port.name == WORKER_PORTS:
        return worker_numbers(group)
    number = number_of(group, port)
    return None if number is None else (number,)


def _align(group: Group, model: Group, port: Port, right: Sequence[int]) -> tuple[Edit, ...]:
    if port.name != WORKER_PORTS:
        return set_param(group, port.flags[0], quoted(str(right[0])))
    flags = (LOWEST_FLAG, HIGHEST_FLAG, LIST_FLAG)
    wrong = [f for f in flags if f in group.params and f in model.params and not _same(group, model, f)]
    if wrong:
        return set_param(group, wrong[0], quoted(model.params[wrong[0]].text))
    return ()


def _same(group: Group, model: Group, flag: str) -> bool:
    return group.params[flag].text == model.params[flag].text


def _declare(case: Case, service: Service, port: Port, number: int) -> tuple[Edit, ...]:
    told = {number_of(g, port) for g in case.cluster.groups if g.role in port.roles}
    if len(told) > 1:
        return ()  # RM007 comes first
    for entry in service.entries:
        if entry.name and entry.name.text == port.name:
            return replace_node(service.doc, entry.number.node, str(number))
    return _add(service, {port.name: number}, port)


def _declare_workers(service: Service, missing: Sequence[int], port: Port) -> tuple[Edit, ...]:
    wanted = {f"p{number}": number for number in missing}
    for entry in service.entries:
        if entry.name and entry.name.text in wanted:
            return replace_node(service.doc, entry.number.node, str(wanted[entry.name.text]))
    return _add(service, wanted, port)


def _add(service: Service, numbers: Mapping[str, int], port: Port) -> tuple[Edit, ...]:
    entries = [{"name": name, "port": str(n), "appProtocol": port.app_protocol} for name, n in numbers.items()]
    return add_elements(service.doc, service.ports_node, entries)
