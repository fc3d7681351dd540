"""Names that say which process made a thing, and the end of processes that are ours."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from raymesh.machine.ownership import started
from raymesh.waiting import wait_for

PREFIX = "rmaudit"
OURS = re.compile(PREFIX + r"-(?P<pid>\d+)-(?P<started>\d+)(-(head|worker))?")
END_SECONDS = 20.0


def name() -> str:
    """A name for what this process makes; nothing else will ever have it."""
    return f"{PREFIX}-{os.getpid()}-{started(os.getpid())}"


def is_stale(thing: str) -> bool:
    """Whether `thing` carries the name of a process that is gone."""
    found = OURS.fullmatch(thing)
    return found is not None and started(int(found["pid"])) != found["started"]


def pids(owns: Callable[[int], bool]) -> list[int]:
    """Processes for which `owns` holds now."""
    return [pid for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()) if owns(pid)]


def end_all(owns: Callable[[int], bool]) -> None:
    """End every process for which `owns` holds, and those that they start meanwhile."""

    def kill() -> list[int]:
        left = pids(owns)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    wait_for("processes of the audit ended", kill, until=lambda left: not left, within=END_SECONDS, every=0.1)
