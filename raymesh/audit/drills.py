"""Faults made on purpose with real Ray, and the symptom by which a person would know each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from raymesh import deadlines
from raymesh.audit.environments import environment
from raymesh.audit.hosts import HEAD_SERVICE, Hosts, hosts, known_names
from raymesh.audit.judge import Deviation
from raymesh.audit.measure import Plan, audit, run_inside, wait_until_up
from raymesh.audit.nodes import StartError, gcs_address, ray_node
from raymesh.audit.watch import watching
from raymesh.errors import CommandError, UsageError, WaitTimeout
from raymesh.ports import WORKER_PORTS, Contract
from raymesh.progress import Progress
from raymesh.waiting import hold_for

SPARE_ACTORS = 3  # more than there are worker ports
PATIENCE = 25.0  # seconds without a further actor
NAMELESS_SECONDS = 20.0
BLOCKED_STEP_SECONDS = 30.0  # a job takes ten on a busy machine
UNDECLARED = "undeclared"
EXHAUSTED = "No available ports"


@dataclass(frozen=True)
class Drill:
    """One fault: what it shows, and how to make it."""

    about: str
    make: Callable[[Contract, str, Progress], Iterator[Deviation]]


def worker_ports(contract: Contract, _: str, progress: Progress) -> Iterator[Deviation]:
    """Start more actors on one node than it has worker ports."""
    ray = environment(str(contract.ray_version), progress)
    count = len(contract.worker_ports) + SPARE_ACTORS
    with ExitStack() as stack:
        made = stack.enter_context(hosts(loopback=False))
        seen = stack.enter_context(watching(made))
        node = stack.enter_context(ray_node(ray, made.head, made, contract, {}))
        wait_until_up(node, contract, seen, deadlines.READY)
        with progress.phase(f"{count} actors on {len(contract.worker_ports)} worker ports"):
            arguments = [gcs_address(made), str(count), str(PATIENCE)]
            result = run_inside(ray, made, "exhaust.py", arguments, PATIENCE * 4 + deadlines.SHORT)[-1]
        yield Deviation(
            "symptom",
            WORKER_PORTS,
            f"{result['came']} of {count} zero-CPU actors came up on {len(contract.worker_ports)} worker ports, "
            f"the last after {result['last']:g} s; {result['pending']} hang without an error for {PATIENCE:g} s; "
            f"errors seen by callers: {result['errors'] or 'none'}",
        )
        yield Deviation("symptom", "log", _log_line(made, EXHAUSTED))


def late_name(contract: Contract, _: str, progress: Progress) -> Iterator[Deviation]:
    """Start a head whose own name appears in the DNS later only."""
    ray = environment(str(contract.ray_version), progress)
    with ExitStack() as stack:
        made = stack.enter_context(hosts(loopback=False))
        made.write_names({HEAD_SERVICE: made.head.address})
        seen = stack.enter_context(watching(made))
        node = stack.enter_context(ray_node(ray, made.head, made, contract, {}))
        name = made.head.fqdn
        with progress.phase(f"{NAMELESS_SECONDS:g} s without the name"):
            try:
                hold_for(
                    "ray start waits", node.process.poll, holds=lambda code: code is None, seconds=NAMELESS_SECONDS
                )
            except WaitTimeout:
                yield Deviation("symptom", "address", f"without the name, `ray start` ends:\n{node.cause()}")
                return
        listening = ", ".join(map(str, sorted(seen.ports("head")))) or "nothing"
        printed = node.log.read_text(errors="replace")
        names = "names" if "resol" in printed.lower() or "DNS" in printed else "does not name"
        yield Deviation("symptom", "address", f"without the name, `ray start` waits; listening: {listening}")
        yield Deviation("symptom", "log", f"its output {names} the cause: {node.cause()}")
        made.write_names(known_names())
        named = time.monotonic()
        with progress.phase("the name is there"):
            wait_until_up(node, contract, seen, deadlines.READY)
        yield Deviation(
            "symptom", "recovery", f"{time.monotonic() - named:.1f} s after {name} resolved, the node manager listened"
        )


def blocked_port(contract: Contract, chosen: str, progress: Progress) -> Iterator[Deviation]:
    """Take one port after the other away between the hosts, as a mesh would that does not know it."""
    declared = [port for port in contract.ports if port.declared_in == "headless"]
    names = [UNDECLARED, *(port.name for port in declared)]
    if chosen and chosen not in names:
        raise UsageError(f"--port {chosen!r}: one of {', '.join(names)}")
    if chosen in ("", UNDECLARED):
        plan = Plan(contract, block_undeclared=True, step_seconds=BLOCKED_STEP_SECONDS)
        yield from _without("all undeclared ports", plan, progress)
    for port in declared:
        if chosen in ("", port.name):
            assert port.numbers is not None
            plan = Plan(contract, blocked=tuple(port.numbers), step_seconds=BLOCKED_STEP_SECONDS)
            yield from _without(port.name, plan, progress)


def _without(name: str, plan: Plan, progress: Progress) -> Iterator[Deviation]:
    progress.say(f"without {name}")
    try:
        seen = audit(plan, progress)
    except (StartError, WaitTimeout, CommandError) as error:
        yield Deviation("symptom", name, f"the cluster does not come up: {error}")
        return
    broken = [step for step in seen.steps if not step.ok]
    for step in broken:
        yield Deviation("symptom", name, f"{step.step}: {step.detail.splitlines()[0]} ({step.seconds:g} s)")
    unanswered = sorted({f"{one.number} {one.direction}" for one in seen.crossings if not one.answered})
    if unanswered:
        yield Deviation("symptom", name, f"dialled in vain: {', '.join(unanswered)}")
    if not broken:
        yield Deviation("symptom", name, "no call fails")


DRILLS = {
    "worker-ports": Drill("more actors than worker ports: which calls hang", worker_ports),
    "late-name": Drill("the node's own name resolves only 20 s after its start", late_name),
    "blocked-port": Drill("one port after the other can't be reached across hosts: which calls hang", blocked_port),
}


def _log_line(made: Hosts, words: str) -> str:
    for path in sorted((made.folder / "head-temp").rglob("*")):
        if path.is_file() and path.parent.name == "logs":
            for line in path.read_text(errors="replace").splitlines():
                if words in line:
                    return f"{path.name}: {line.strip()}"
    return f"no log of Ray says {words!r}"
