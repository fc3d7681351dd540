"""What an audit saw, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raymesh.ports.model import Role

Bind = Literal["all", "node", "loopback", "node+loopback"]
Speaks = Literal["grpc", "http", "tcp", "unknown"]  # unknown: it was gone before it could be asked
Direction = Literal["head->worker", "worker->head"]


@dataclass(frozen=True, order=True)
class Listener:
    """A TCP port that listened on a host at some time, and the process that opened it."""

    role: Role
    number: int
    bind: Bind
    process: str
    speaks: Speaks


@dataclass(frozen=True, order=True)
class Crossing:
    """A port that one host dialled on the other, and the processes that did. Not `answered`: nobody took the call."""

    direction: Direction
    number: int
    answered: bool
    by: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One kind of work that Ray was asked to do."""

    step: str
    ok: bool
    detail: str
    seconds: float


@dataclass(frozen=True)
class Audit:
    """All that one run of real Ray showed."""

    ray: str
    serve: bool
    power: str
    flags: dict[str, str]  # of `ray start`: shown by --help, or hidden
    refused: tuple[str, ...]
    random: range  # where the kernel takes random ports from
    listeners: tuple[Listener, ...]
    crossings: tuple[Crossing, ...]
    steps: tuple[Step, ...]
    seconds: float
    peak_megabytes: int  # of all Ray processes together, shared memory counted once
