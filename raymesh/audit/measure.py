"""One audit: start real Ray, make it work, watch, and write down what was seen."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raymesh import deadlines
from raymesh.audit.environments import RayEnvironment, environment
from raymesh.audit.hosts import Host, Hosts, hosts
from raymesh.audit.model import Audit, Bind, Listener, Speaks, Step
from raymesh.audit.nodes import Node, StartError, clean_environment, gcs_address, ray_node
from raymesh.audit.watch import Sightings, look_once_more, watching
from raymesh.errors import CommandError, Unreadable
from raymesh.machine import netns
from raymesh.machine.programs import run
from raymesh.ports import Contract
from raymesh.progress import Progress
from raymesh.waiting import wait_for

INSIDE = Path(__file__).parents[1] / "inside"
STEPS = ("nodes", "tasks", "actors", "objects", "state", "logs", "job")
RANDOM_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
SPEAKS: dict[str, Speaks] = {"grpc": "grpc", "http": "http", "tcp": "tcp", "refused": "unknown"}


@dataclass(frozen=True)
class Plan:
    """What to audit and how."""

    contract: Contract
    serve: bool = False
    loopback: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)  # rayStartParams beyond the contract's
    blocked: tuple[int, ...] = ()  # ports that the hosts can't reach on each other
    block_undeclared: bool = False  # the same for all that listens once Ray is up and that no Service declares
    step_seconds: float = 60.0

    @property
    def ray(self) -> str:
        return str(self.contract.ray_version)


def audit(plan: Plan, progress: Progress) -> Audit:
    """Run real Ray as planned. Raises StartError where `ray start` ends for another reason than a refused flag."""
    began = time.monotonic()
    ray = environment(plan.ray, progress)
    flags = start_flags(ray)
    refused: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    with ExitStack() as stack:
        made = stack.enter_context(hosts(loopback=plan.loopback))
        for host in made.all if plan.blocked else ():
            for number in plan.blocked:
                netns.block(host.namespace, number)
        seen = stack.enter_context(watching(made))
        try:
            started = _start(plan, ray, made, seen=seen, stack=stack, progress=progress, within=deadlines.READY)
            if plan.block_undeclared:
                _block_undeclared(plan.contract, made, seen)
            steps = _work(plan, ray, made, started, progress)
        except StartError as error:
            refused = error.refused_flags
            if not refused:
                raise
        look_once_more(seen)
        listeners = tuple(sorted(one for host in made.all for one in _listeners(host, seen)))
        return Audit(
            ray=plan.ray,
            serve=plan.serve,
            power=made.power,
            flags=flags,
            refused=refused,
            random=_random_range(),
            listeners=listeners,
            crossings=seen.crossings(),
            steps=steps,
            seconds=round(time.monotonic() - began, 1),
            peak_megabytes=seen.peak_bytes // 1_000_000,
        )


def start_flags(ray: RayEnvironment) -> dict[str, str]:
    """What `ray start` of this version takes."""
    done = run([ray.python, INSIDE / "start_flags.py"], timeout=deadlines.READY)
    flags: dict[str, str] = json.loads(done.stdout)
    return flags


def wait_until_up(node: Node, contract: Contract, seen: Sightings, within: float) -> None:
    """Wait until the node manager of `node` listens. Raises StartError as soon as `ray start` is gone."""
    numbers = contract.find("node-manager-port").numbers
    assert numbers is not None

    def ports() -> set[int]:
        node.check()
        return seen.ports(node.host.role)

    what = f"node manager of the {node.host.role} listens"
    wait_for(what, ports, until=lambda found: numbers[0] in found, within=within, every=0.2)


def run_inside(
    ray: RayEnvironment, made: Hosts, script: str, arguments: Sequence[str], timeout: float
) -> list[dict[str, Any]]:
    """Run a script of inside/ on the head with the audited Ray's Python; the JSON objects that it prints.

    Raises CommandError where it fails or prints none.
    """
    words = [*made.head.prefix, str(ray.python), str(INSIDE / script), *arguments]
    clean = [f"{key}={value}" for key, value in clean_environment(ray, made).items()]
    done = run(["env", "-i", *clean, *words], timeout=timeout, cwd=made.folder / made.head.role)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not found:
        raise CommandError(f"{script} on Ray {ray.version} left no word:\n{done.stderr[-2000:]}")
    return found


def _start(
    plan: Plan,
    ray: RayEnvironment,
    made: Hosts,
    *,
    seen: Sightings,
    stack: ExitStack,
    progress: Progress,
    within: float,
) -> list[Node]:
    started = []
    for host in made.all:
        with progress.phase(f"Ray {plan.ray} {host.role}"):
            node = stack.enter_context(ray_node(ray, host, made, plan.contract, plan.extra))
            started.append(node)
            wait_until_up(node, plan.contract, seen, within)
    return started


def _block_undeclared(contract: Contract, made: Hosts, seen: Sightings) -> None:
    declared = {port.number for port in (*contract.headless_ports(), *contract.head_service_ports())}
    for host in made.all:
        for number in seen.ports(host.role) - declared:
            netns.block(host.namespace, number)


def _work(plan: Plan, ray: RayEnvironment, made: Hosts, started: list[Node], progress: Progress) -> tuple[Step, ...]:
    names = (*STEPS, "serve") if plan.serve else STEPS
    arguments = [gcs_address(made), str(len(made.all)), str(plan.step_seconds), *names]
    with progress.phase(f"Ray {plan.ray} works", ", ".join(names)):
        done = run_inside(ray, made, "workload.py", arguments, plan.step_seconds * 2 * (len(names) + 1))
    ended = [Step(f"{n.host.role} stays up", False, n.cause(), 0.0) for n in started if n.process.poll() is not None]
    return (*(Step(**one) for one in done), *ended)


def _listeners(host: Host, seen: Sightings) -> Iterable[Listener]:
    addresses: dict[tuple[int, str], set[str]] = {}
    for (role, end), process in seen.listening.items():
        if role == host.role:
            addresses.setdefault((end.port, process), set()).add(str(end.address))
    where = {key: f"{_dial(host, found)}:{key[0]}" for key, found in addresses.items()}
    answers = _protocols(host, sorted(set(where.values())))
    for key, found in addresses.items():
        number, process = key
        yield Listener(host.role, number, _bind(found), process, SPEAKS[answers[where[key]]])


def _protocols(host: Host, where: list[str]) -> dict[str, str]:
    if not where:
        return {}
    done = run([*host.prefix, sys.executable, INSIDE / "protocols.py", *where], timeout=60 + 2 * len(where))
    answers: dict[str, str] = json.loads(done.stdout)
    return answers


def _dial(host: Host, found: set[str]) -> str:
    return host.address if _bind(found) != "loopback" else next(iter(found))


def _bind(found: set[str]) -> Bind:
    if found & {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "all"
    local = {address for address in found if address == "::1" or address.startswith("127.")}
    if local == found:
        return "loopback"
    return "node+loopback" if local else "node"


def _random_range() -> range:
    words = RANDOM_RANGE.read_text().split()
    if len(words) != 2:  # noqa: PLR2004 - lowest and highest
        raise Unreadable(f"{RANDOM_RANGE}: {words}")
    return range(int(words[0]), int(words[1]) + 1)
