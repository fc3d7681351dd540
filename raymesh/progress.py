"""What the person at the terminal sees while work goes on, and the timings that a run keeps."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

HEARTBEAT_SECONDS = 5.0
HEARTBEAT_GROWTH = 1.5  # a long phase says less often that it is still there


@dataclass(frozen=True)
class Timing:
    """One finished phase; `start` is seconds since the run began, `ok` is false where it raised."""

    phase: str
    start: float
    seconds: float
    ok: bool


@dataclass
class Progress:
    """Prints a line per phase and keeps its timing. Phases may run side by side in threads."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    timings: list[Timing] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print one line with the time since the run began."""
        elapsed = time.monotonic() - self.began
        print(f"[{elapsed:7.1f} s] {text}", file=self.stream, flush=True)

    @contextmanager
    def phase(self, name: str, detail: str = "") -> Iterator[Note]:
        """Time a phase: a line at its start, a sign of life every few seconds, a line at its end."""
        start = time.monotonic()
        note = Note(detail)
        done = threading.Event()
        self._began(name, note)
        beat = threading.Thread(target=self._heartbeat, args=(name, start, note, done), daemon=True)
        beat.start()
        ok = False
        try:
            yield note
            ok = True
        finally:
            done.set()
            beat.join()
            seconds = time.monotonic() - start
            self.timings.append(Timing(name, start - self.began, seconds, ok))
            self._ended(name, note, seconds, ok=ok)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the terminal to somebody else meanwhile; lines that were said stay where they are."""
        yield

    def _began(self, name: str, note: Note) -> None:
        self.say(f"{name} ..." + (f" {note.text}" if note.text else ""))

    def _ended(self, name: str, note: Note, seconds: float, *, ok: bool) -> None:
        self.say(f"{name} {'done' if ok else 'FAILED'} in {seconds:.1f} s" + (f" ({note.text})" if note.text else ""))

    def _lives(self, name: str, note: Note, start: float) -> None:
        self.say(f"{name} ... {time.monotonic() - start:.0f} s" + (f", {note.text}" if note.text else ""))

    def _heartbeat(self, name: str, start: float, note: Note, done: threading.Event) -> None:
        pause = HEARTBEAT_SECONDS
        while not done.wait(pause):
            self._lives(name, note, start)
            pause = min(pause * HEARTBEAT_GROWTH, 60.0)


def at(stream: TextIO) -> Progress:
    """Return progress for a stream: lines that change where it is a terminal that can, else lines one after the other.

    A CI server's log is none, whatever it says (CI is set there), and neither is a terminal called `dumb`.
    """
    if stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM", "dumb") != "dumb":
        from raymesh.screen import OnScreen  # noqa: PLC0415 - of the extra e2e; whoever lints does without

        return OnScreen(stream)
    return Progress(stream)


@dataclass
class Note:
    """What a phase is doing right now; its owner rewrites `text`."""

    text: str = ""
