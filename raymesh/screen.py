"""Progress on a terminal: what runs now stands in a few lines that change, what has ended stays above them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raymesh.progress import Note, Progress

TIMES_A_SECOND = 4


@dataclass
class OnScreen(Progress):
    """The same phases and timings; lines are said above those of the phases that run."""

    _running: dict[int, tuple[str, float, Note]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _live: Live | None = None
    _begun: bool = False  # somebody else's line, which must not be written over

    def __post_init__(self) -> None:
        """Take the terminal as Rich sees it."""
        self._console = Console(file=self.stream, highlight=False)

    def say(self, text: str) -> None:
        """Print one line with the time since the run began."""
        with self._lock:
            self._new_line()
            self._console.print(_plain(f"[{time.monotonic() - self.began:7.1f} s] {text}"), soft_wrap=True)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leave the terminal to somebody else meanwhile."""
        with self._lock:
            self._hide()
            try:
                yield
            finally:
                self._begun = True
                self._show()

    def _began(self, name: str, note: Note) -> None:
        with self._lock:
            self._hide()
            self._running[id(note)] = (name, time.monotonic(), note)
            self._show()

    def _ended(self, name: str, note: Note, seconds: float, *, ok: bool) -> None:
        with self._lock:
            self._hide()
            del self._running[id(note)]
            super()._ended(name, note, seconds, ok=ok)
            self._show()

    def _lives(self, name: str, note: Note, start: float) -> None:
        """Nothing has to be said: its line goes on counting."""

    def _show(self) -> None:
        if self._running and self._live is None:
            self._new_line()
            self._live = Live(
                get_renderable=self._lines,
                console=self._console,
                refresh_per_second=TIMES_A_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _new_line(self) -> None:
        if self._begun:
            self._console.print()
            self._begun = False

    def _hide(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _lines(self) -> Table:
        """A line a phase."""
        table = Table.grid(padding=(0, 1))
        for name, start, note in list(self._running.values()):
            table.add_row(
                Text(f"{time.monotonic() - start:7.0f} s", style="cyan"),
                _plain(name, "bold"),
                _plain(note.text, "dim"),
            )
        return table


def _plain(text: str, style: str = "") -> Text:
    """Neither markup nor an escape: what a note says may come from anywhere."""
    seen = "".join(char if char.isprintable() else " " for char in text)
    return Text(seen, style=style, overflow="ellipsis", no_wrap=True)
