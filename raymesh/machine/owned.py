"""Names that say which process made a thing, and the end of processes that are ours."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from raymesh.machine.ownership import is_gone, namespace, started
from raymesh.waiting import wait_for

PREFIX = "rmaudit"
# Short, for a unix socket's path in a folder of that name has to fit into 107 characters: the kernel numbers its
# namespaces from 0xEFFFFFFC on, so that the last six digits tell them apart.
NAMESPACE_DIGITS = 6
OURS = re.compile(PREFIX + r"-(?P<namespace>[0-9a-f]{6})-(?P<pid>\d+)-(?P<started>\d+)(-(head|worker))?")
END_SECONDS = 20.0


def name() -> str:
    """A name for what this process makes; nothing else will ever have it."""
    return f"{PREFIX}-{_namespace()}-{os.getpid()}-{started(os.getpid())}"


def is_stale(thing: str) -> bool:
    """Whether `thing` carries the name of a process that is gone; one of another pid namespace can't be told so."""
    found = OURS.fullmatch(thing)
    return (
        found is not None
        and found["namespace"] == _namespace()
        and is_gone(int(found["pid"]), found["started"], namespace())
    )


def _namespace() -> str:
    return f"{namespace():x}"[-NAMESPACE_DIGITS:]


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
