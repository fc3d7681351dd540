"""The verdict of an audit: where what real Ray did and the port contract differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from raymesh.audit.model import Audit, Listener
from raymesh.errors import Unreadable
from raymesh.ports import WORKER_PORTS, Contract, Port
from raymesh.ports.model import Role

Kind = Literal["refused-flag", "undeclared", "shut", "protocol", "crossing", "mesh", "unanswered", "work", "symptom"]
# The process that opens a port whose number the kernel picks: only so can the contract know it.
RANDOM_PORT_OWNERS = {"dashboard": "dashboard-grpc-port", "serve replica": "serve-replica-grpc"}


@dataclass(frozen=True, order=True)
class Deviation:
    """One difference. `subject` is the port, flag or step that it is about."""

    kind: Kind
    subject: str
    text: str


def judge(audit: Audit, contract: Contract) -> list[Deviation]:
    """Every difference between the audit and the contract, sorted.

    Raises Unreadable where the audit saw nothing listen although no flag was refused: an audit that is blind is no
    clean one.
    """
    if audit.refused:
        return sorted(
            Deviation("refused-flag", flag, f"Ray {audit.ray} does not know {flag}") for flag in audit.refused
        )
    if not audit.listeners or not audit.steps:
        raise Unreadable(f"the audit of Ray {audit.ray} saw nothing: no port listened or no work was done")
    found = [*_undeclared(audit, contract), *_shut(audit, contract), *_protocols(audit, contract)]
    return sorted({*found, *_crossings(audit, contract), *_work(audit)})


def port_of(listener: Listener, contract: Contract, random: range) -> Port | None:
    """The contract's port that a listener is, None for one that it does not know."""
    fixed = contract.port_at(listener.number, listener.role)
    if fixed or listener.number not in random:
        return fixed
    name = RANDOM_PORT_OWNERS.get(listener.process)
    known = (port for port in contract.listeners(listener.role) if port.name == name and not port.fixed)
    return next((port for port in known if listener.speaks in (port.speaks, "unknown")), None)


def label(number: int, role: Role, audit: Audit, contract: Contract) -> str:
    """What to call a port of a host: its contract's name, `random` where the kernel picked it, else its number."""
    fixed = contract.port_at(number, role)
    if fixed:
        return fixed.name
    for listener in audit.listeners:
        if listener.number == number and listener.role == role:
            port = port_of(listener, contract, audit.random)
            if port:
                return port.name
            return f"random {listener.process}" if number in audit.random else f"{number} {listener.process}"
    return str(number)


def _undeclared(audit: Audit, contract: Contract) -> Iterator[Deviation]:
    for listener in audit.listeners:
        if port_of(listener, contract, audit.random) is None:
            yield Deviation(
                "undeclared",
                label(listener.number, listener.role, audit, contract),
                f"{listener.process} on the {listener.role} listens on {listener.number} ({listener.bind}, "
                f"{listener.speaks}); the contract has no such port",
            )


def _shut(audit: Audit, contract: Contract) -> Iterator[Deviation]:
    for role in sorted({listener.role for listener in audit.listeners}):
        for port in contract.listeners(role):
            opened = any(port_of(one, contract, audit.random) == port for one in audit.listeners if one.role == role)
            if port.declared_in != "none" and not opened:
                yield Deviation("shut", port.name, f"nothing listened on {_numbers(port)} of the {role}")


def _protocols(audit: Audit, contract: Contract) -> Iterator[Deviation]:
    for listener in audit.listeners:
        port = port_of(listener, contract, audit.random)
        if port and listener.speaks not in ("unknown", port.speaks):
            text = (
                f"{listener.process} on the {listener.role} speaks {listener.speaks}, the contract says {port.speaks}"
            )
            yield Deviation("protocol", port.name, text)


def _crossings(audit: Audit, contract: Contract) -> Iterator[Deviation]:
    for one in audit.crossings:
        server: Role = "worker" if one.direction == "head->worker" else "head"
        name = label(one.number, server, audit, contract)
        if not one.answered:
            yield Deviation("unanswered", name, f"{one.direction} dialled {one.number} and got no answer")
            continue
        by = ", ".join(one.by) or "somebody"
        port = next((p for p in contract.ports if p.name == name), None)
        if port is None or one.direction not in port.crosses:
            yield Deviation(
                "crossing", name, f"{by} dialled {one.number} {one.direction}; the contract does not say so"
            )
        if port and port.broken_by(port.app_protocol):
            text = f"it crosses nodes, declared {port.app_protocol} and speaking {port.speaks}: a sidecar breaks that"
            yield Deviation("mesh", name, text)


def _work(audit: Audit) -> Iterator[Deviation]:
    for step in audit.steps:
        if not step.ok:
            yield Deviation("work", step.step, f"{step.step} failed after {step.seconds:g} s: {step.detail}")


def _numbers(port: Port) -> str:
    if port.numbers is None:
        return "a random port"
    return str(port.numbers[0]) if port.name != WORKER_PORTS else f"{port.numbers[0]}-{port.numbers[-1]}"
