"""Where a program can be hit: each time it is about to change something outside of itself, counted by audit events.

Python raises such an event before it opens a file for writing, renames, removes, starts a program and so on
(https://docs.python.org/3/library/audit_events.html). At the K-th one the program is killed (`kill`), or told that the
disk is full (`full`); `during` kills it shortly after it has begun to start the K-th program.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHANGES = frozenset(
    {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate", "os.kill"}
)
PROGRAM, OPEN = "subprocess.Popen", "open"
HIT_AFTER_SECONDS = 0.05
KINDS = ("kill", "during", "full")


class Points:
    """Counts the points of every kind while armed, and hits at number `at` of one kind; 0: never."""

    def __init__(self, kind: str, at: int) -> None:
        self.kind, self.at, self.seen = kind, at, dict.fromkeys(KINDS, 0)
        self._armed = False
        self._lock = threading.Lock()
        sys.addaudithook(self._heard)

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Count, and hit, within this block only: imports are no part of the work."""
        self._armed = True
        try:
            yield
        finally:
            self._armed = False

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._armed:
            return
        kinds = _kinds(event, arguments)
        with self._lock:
            for kind in kinds:
                self.seen[kind] += 1
            if self.kind not in kinds or self.seen[self.kind] != self.at:
                return
        if self.kind == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.kind == "during":
            threading.Timer(HIT_AFTER_SECONDS, os.kill, (os.getpid(), signal.SIGKILL)).start()
        else:
            os.kill(os.getpid(), signal.SIGKILL)


def _kinds(event: str, arguments: tuple[object, ...]) -> set[str]:
    """Return for which kinds an event is a point."""
    writes = event == OPEN and _writes(arguments)
    kinds = {"kill"} if writes or event in CHANGES or event == PROGRAM else set()
    kinds |= {"during"} if event == PROGRAM else set()
    return kinds | ({"full"} if writes or event == "os.mkdir" else set())


def _writes(arguments: tuple[object, ...]) -> bool:
    path, _, flags = arguments
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR)) and path != os.devnull
