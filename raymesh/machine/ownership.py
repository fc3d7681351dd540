"""Programs that a run starts carry its mark, so that those which outlive a killed run can be told from all others."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

import psutil

from raymesh.waiting import wait_for

VARIABLE = "RAYMESH_RUN"
PROC = Path("/proc")
STARTED_FIELD = 19  # of /proc/PID/stat, counted after the command name
END_SECONDS = 10.0


def namespace() -> int:
    """Return the number of our process-id namespace: in another one, a process id means another process or none.

    0 on a system that has none.
    """
    try:
        return (PROC / "self" / "ns" / "pid").stat().st_ino
    except OSError:
        return 0


def mark() -> dict[str, str]:
    """Return the variable that says which process started a program; a program hands it on to what it starts."""
    return {VARIABLE: f"{os.getpid()} {started(os.getpid())} {namespace()}"}


def started(pid: int) -> str:
    """Return when the system started a process: with it, a pid given out again is not taken for the old one.

    Linux counts it in ticks since it booted, which no setting of the clock moves; elsewhere it is a time of the clock.
    Empty where there is no such process, and for one that has ended and is only waited for.
    """
    if not (PROC / "self").is_dir():
        return _started_by_the_clock(pid)
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[STARTED_FIELD]


def _started_by_the_clock(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(int(process.create_time() * 1000))
    except psutil.NoSuchProcess:
        return ""


def is_gone(pid: int, start: str, its_namespace: int) -> bool:
    """Tell whether a process has ended. What another process-id namespace has can't be told from here: it has not."""
    return its_namespace == namespace() and started(pid) != start


def orphans() -> dict[int, str]:
    """Return the programs whose run is gone: pid -> command line."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # gone meanwhile, or another user's
            if process.pid != os.getpid() and _lost(process.environ().get(VARIABLE, "")):
                found[process.pid] = " ".join(process.cmdline())
    return found


def end_orphans() -> None:
    """End them, and what they start meanwhile. Raises WaitTimeout where one can't be ended."""

    def kill() -> dict[int, str]:
        left = orphans()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    wait_for("programs of killed runs ended", kill, until=lambda left: not left, within=END_SECONDS, every=0.2)


def _lost(mark: str) -> bool:
    found = re.fullmatch(r"(\d+) (\d+) (\d+)", mark)
    return found is not None and is_gone(int(found[1]), found[2], int(found[3]))
