"""Programs that a run starts carry its mark, so that those which outlive a killed run can be told from all others."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

from raymesh.waiting import wait_for

VARIABLE = "RAYMESH_RUN"
STARTED_FIELD = 19  # of /proc/PID/stat, counted after the command name
END_SECONDS = 10.0


def namespace() -> int:
    """Return the number of our process-id namespace: in another one, a process id means another process or none."""
    return Path("/proc/self/ns/pid").stat().st_ino


def mark() -> dict[str, str]:
    """Return the variable that says which process started a program; a program hands it on to what it starts."""
    return {VARIABLE: f"{os.getpid()} {started(os.getpid())} {namespace()}"}


def started(pid: int) -> str:
    """Return the kernel's start time of a process: with it, a pid given out again is not taken for the old one.

    Empty where there is no such process, and for one that has ended and is only waited for.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[STARTED_FIELD]


def is_gone(pid: int, start: str, its_namespace: int) -> bool:
    """Tell whether a process has ended. What another process-id namespace has can't be told from here: it has not."""
    return its_namespace == namespace() and started(pid) != start


def orphans() -> dict[int, str]:
    """Return the programs whose run is gone: pid -> command line."""
    entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()]
    return {int(entry.name): _text(entry / "cmdline").replace("\0", " ").strip() for entry in entries if _lost(entry)}


def end_orphans() -> None:
    """End them, and what they start meanwhile. Raises WaitTimeout where one can't be ended."""

    def kill() -> dict[int, str]:
        left = orphans()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    wait_for("programs of killed runs ended", kill, until=lambda left: not left, within=END_SECONDS, every=0.2)


def _lost(entry: Path) -> bool:
    found = re.search(rf"(?:^|\0){VARIABLE}=(\d+) (\d+) (\d+)\0", _text(entry / "environ"))
    return found is not None and is_gone(int(found[1]), found[2], int(found[3]))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:  # gone meanwhile, or another user's
        return ""
