"""Measurements of Ray versions, kept as data: what audits saw, without what differs from run to run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from raymesh.audit.judge import label
from raymesh.audit.model import Audit, Bind, Direction, Speaks
from raymesh.errors import UsageError
from raymesh.ports import WORKER_PORTS, Contract, parse_version
from raymesh.ports.model import Role

T = TypeVar("T")
MEASURED = Path(__file__).with_name("measured")
ANYONE = "workers, drivers, agents"  # who takes which port of their range differs from run to run


@dataclass(frozen=True, order=True)
class Opened:
    """A port that a node opens."""

    role: Role
    name: str
    number: str
    bind: Bind
    speaks: Speaks
    process: str


@dataclass(frozen=True, order=True)
class Crossed:
    """A port that one node dials on the other."""

    direction: Direction
    name: str


@dataclass(frozen=True)
class Recording:
    """One Ray version as `runs` audits with Serve saw it; each fact with the number of runs that saw it."""

    ray: str
    runs: int
    flags: dict[str, str]
    opened: dict[Opened, int]
    crossed: dict[Crossed, int]
    seconds: float  # of the fastest run, the environment being there
    peak_megabytes: int


def summarize(audit: Audit, contract: Contract) -> Recording:
    """One audit as a recording of one run."""
    opened = _opened(audit, contract)
    crossed = {Crossed(c.direction, _server_label(c.direction, c.number, audit, contract)) for c in audit.crossings}
    return Recording(
        ray=audit.ray,
        runs=1,
        flags=audit.flags,
        opened=dict.fromkeys(sorted(opened), 1),
        crossed=dict.fromkeys(sorted(crossed), 1),
        seconds=audit.seconds,
        peak_megabytes=audit.peak_megabytes,
    )


def add(kept: Recording, fresh: Recording) -> Recording:
    """Both recordings of one version as one."""
    if kept.flags != fresh.flags:
        raise UsageError(f"Ray {kept.ray} has other flags than recorded: is it the same build?")
    return replace(
        kept,
        runs=kept.runs + fresh.runs,
        opened=_sum(kept.opened, fresh.opened),
        crossed=_sum(kept.crossed, fresh.crossed),
        seconds=min(kept.seconds, fresh.seconds),
        peak_megabytes=max(kept.peak_megabytes, fresh.peak_megabytes),
    )


def disagreements(fresh: Recording, kept: Recording, left_out: Iterable[str] = ()) -> list[str]:
    """Where a fresh run contradicts the recording: a fact no run ever saw, or the lack of one that all runs saw.

    `left_out` names ports that the fresh run had no cause to open.
    """
    found = [f"flag {flag} is new" for flag in sorted(fresh.flags.keys() - kept.flags.keys())]
    found += [f"flag {flag} is gone" for flag in sorted(kept.flags.keys() - fresh.flags.keys())]
    absent = set(left_out)
    opened = {one: runs for one, runs in kept.opened.items() if one.name not in absent}
    crossed = {one: runs for one, runs in kept.crossed.items() if one.name not in absent}
    found += [f"opened, never recorded: {one}" for one in fresh.opened if one not in opened]
    found += [f"crossed, never recorded: {one}" for one in fresh.crossed if one not in crossed]
    always = [one for one, runs in opened.items() if runs == kept.runs]
    found += [f"no longer opened: {one}" for one in always if one not in fresh.opened]
    used = [one for one, runs in crossed.items() if runs == kept.runs]
    found += [f"no longer crossed: {one}" for one in used if one not in fresh.crossed]
    return found


def recorded_versions(folder: Path = MEASURED) -> list[str]:
    """Versions that have a recording, oldest first."""
    return sorted((path.stem for path in folder.glob("*.json")), key=lambda text: [int(n) for n in text.split(".")])


def load(version: str, folder: Path = MEASURED) -> Recording:
    """The recording of a version. Raises UsageError where there is none."""
    path = folder / f"{parse_version(version)}.json"
    if not path.is_file():
        raise UsageError(f"no recorded audit of Ray {version}; there are: {', '.join(recorded_versions(folder))}")
    data = json.loads(path.read_text())
    opened = {Opened(**{k: v for k, v in row.items() if k != "runs"}): row["runs"] for row in data.pop("opened")}
    crossed = {Crossed(**{k: v for k, v in row.items() if k != "runs"}): row["runs"] for row in data.pop("crossed")}
    return Recording(**data, opened=opened, crossed=crossed)


def save(recording: Recording, folder: Path = MEASURED) -> Path:
    """Write a recording, sorted, so that a change of it reads well."""
    data = {name: getattr(recording, name) for name in ("ray", "runs", "seconds", "peak_megabytes")}
    data["flags"] = dict(sorted(recording.flags.items()))
    data["opened"] = [asdict(one) | {"runs": runs} for one, runs in sorted(recording.opened.items())]
    data["crossed"] = [asdict(one) | {"runs": runs} for one, runs in sorted(recording.crossed.items())]
    path = folder / f"{recording.ray}.json"
    folder.mkdir(exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n")
    return path


def _opened(audit: Audit, contract: Contract) -> set[Opened]:
    found = set()
    for one in audit.listeners:
        name = label(one.number, one.role, audit, contract)
        if name == WORKER_PORTS:
            numbers = contract.worker_ports
            found.add(Opened(one.role, name, f"{numbers[0]}-{numbers[-1]}", one.bind, "grpc", ANYONE))
        else:
            number = "random" if one.number in audit.random and not contract.port_at(one.number) else str(one.number)
            found.add(Opened(one.role, name, number, one.bind, one.speaks, one.process))
    return found


def _server_label(direction: Direction, number: int, audit: Audit, contract: Contract) -> str:
    return label(number, "worker" if direction == "head->worker" else "head", audit, contract)


def _sum(one: dict[T, int], two: dict[T, int]) -> dict[T, int]:
    return {fact: one.get(fact, 0) + two.get(fact, 0) for fact in {**one, **two}}
