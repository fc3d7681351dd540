"""Progress on a real terminal: what runs is shown and goes, what ended stays, and others can write meanwhile."""

from __future__ import annotations

import io
import os
import pty
import re
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from raymesh.errors import WaitTimeout
from raymesh.progress import Progress, at
from raymesh.waiting import wait_for

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """One end of a pseudo terminal, and all that was written to the other."""

    def __init__(self) -> None:
        self._reads, writes = pty.openpty()
        self.stream: TextIO = os.fdopen(writes, "w")
        self.written = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self.written += os.read(self._reads, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                return

    def close(self) -> None:
        self.stream.close()
        self._reader.join(10)
        os.close(self._reads)

    def shows(self, text: str) -> bool:
        return text in ESCAPES.sub("", self.written)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    made = Terminal()
    yield made
    made.close()


def until(terminal: Terminal, text: str) -> None:
    wait_for(text, lambda: terminal.shows(text), until=bool, within=20, every=0.02)


def test_what_runs_is_shown_with_what_it_does_and_what_ended_stays(terminal: Terminal) -> None:
    progress = at(terminal.stream)
    with progress.phase("build", "12 images") as note:
        until(terminal, "12 images")
        note.text = "etcd, 3 of 12"
        until(terminal, "etcd, 3 of 12")
    until(terminal, "build done in")
    [timing] = progress.timings
    assert (timing.phase, timing.ok) == ("build", True)
    assert "build ..." not in terminal.written, "a line that changes says that it runs"


def test_phases_side_by_side_have_a_line_each_and_one_that_fails_says_so(terminal: Terminal) -> None:
    progress = at(terminal.stream)
    with progress.phase("outer"):
        with pytest.raises(WaitTimeout), progress.phase("inner"):
            wait_for("nothing", lambda: None, until=bool, within=0.3)
        until(terminal, "inner FAILED in")
        progress.say("a line of its own")
        until(terminal, "a line of its own")
    until(terminal, "outer done in")
    assert [timing.phase for timing in progress.timings] == ["inner", "outer"]


def test_the_lines_are_gone_while_somebody_else_writes(terminal: Terminal) -> None:
    progress = at(terminal.stream)
    with progress.phase("build") as note:
        until(terminal, "build")
        with progress.hidden():
            note.text = "not to be seen now"
            terminal.stream.write("pytest's own ")
            terminal.stream.flush()
            until(terminal, "pytest's own")
            assert not terminal.shows("not to be seen now")
        until(terminal, "not to be seen now")
        assert "pytest's own \r\n" in terminal.written, "its line stays, and ours begin below it"


def test_what_a_note_says_is_no_markup_and_no_escape(terminal: Terminal) -> None:
    with at(terminal.stream).phase("build", "[red]x[/red] \x1b[31mred [/nothing]"):
        until(terminal, "[red]x[/red]")
    until(terminal, "build done in")
    assert "\x1b[31m" not in terminal.written


@pytest.mark.parametrize(("variable", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_a_log_and_a_terminal_that_can_not_get_plain_lines(
    terminal: Terminal, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with at(terminal.stream).phase("build"):
        pass
    until(terminal, "build done in")
    assert "build ..." in terminal.written
    assert "\x1b" not in terminal.written


def test_what_is_no_terminal_gets_the_lines_that_it_always_got() -> None:
    assert type(at(io.StringIO())) is Progress
