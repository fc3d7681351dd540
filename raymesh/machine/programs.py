"""Starts programs: an argument list, a deadline, a log, and the output in the error."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from raymesh import stopping
from raymesh.deadlines import scaled
from raymesh.errors import CommandError
from raymesh.machine import ownership

LOG = logging.getLogger(__name__)
TAIL_LINES = 15
TERM_GRACE_SECONDS = 5
SLICE_SECONDS = 0.5  # how soon a program in a thread ends with the run


@dataclass(frozen=True)
class Completed:
    """What a finished program left: exit code, decoded output, seconds of wall time."""

    code: int
    stdout: str
    stderr: str
    seconds: float


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    silence: float | None = None,
    check: bool = True,
) -> Completed:
    """Run `argv` and return its output.

    `timeout` and `silence` are seconds, which the run scales; `env` is added to ours. With `log`, both streams are
    appended there as they come (and stdout and stderr of the result are empty), and a program that writes nothing there
    for `silence` seconds is given up: one that waits for a server has no deadline of its own. The program runs in a
    process group of its own, which is ended as a whole when the deadline passes, the caller is interrupted or, in a
    thread, the run ends. Raises CommandError on a non-zero exit (unless `check` is false), a missing program, a passed
    deadline or a long silence, and Stopped in a thread of a run that ends.
    """
    words = [str(word) for word in argv]
    line = shlex.join(words)
    LOG.debug("run: %s", line)
    timeout, silence = scaled(timeout), None if silence is None else scaled(silence)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(log.open("a")) if log else subprocess.PIPE
        if log and not isinstance(sink, int):
            sink.write(f"$ {line}\n")
            sink.flush()
        process = start(
            words,
            environ={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL if stdin is None else stack.enter_context(_as_file(stdin)),
            stdout=sink,
            stderr=subprocess.STDOUT if log else subprocess.PIPE,
        )
        stack.callback(_close_pipes, process)
        try:
            hears = _listener(log, silence) if log and silence is not None else lambda: None
            out, err = _finish(process, started + timeout, hears)
        except subprocess.TimeoutExpired:
            end_group(process)
            raise CommandError(f"no end after {timeout:g} s: {line}\n{_tail(log, '')}") from None
        except _Silent:
            end_group(process)
            raise CommandError(f"not a word for {silence:g} s: {line}\n{_tail(log, '')}") from None
        except BaseException:
            end_group(process)
            raise
    done = Completed(process.returncode, out or "", err or "", time.monotonic() - started)
    if check and done.code != 0:
        raise CommandError(f"exit code {done.code}: {line}\n{_tail(log, done.stderr or done.stdout)}")
    return done


class _Silent(Exception):
    """A program wrote nothing for too long."""


def start(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    stdout: int | IO[Any] = subprocess.DEVNULL,
    stderr: int | IO[Any] = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    """Start a program that carries our mark, in a process group of its own; whoever starts it ends it.

    `environ` is the whole environment, ours where it is not given. Raises CommandError where it can't be started, and
    Stopped in a thread of a run that ends.
    """
    stopping.check()
    process: subprocess.Popen[str] | None = None
    try:
        with stopping.held_back():
            process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env={**(os.environ if environ is None else environ), **ownership.mark()},
                cwd=cwd,
                text=True,
                errors="replace",
                start_new_session=True,
            )
    except OSError as error:
        raise CommandError(f"cannot start {argv[0]}: {error.strerror}") from error
    except BaseException:
        if process:
            end_group(process)
        raise
    return process


@contextlib.contextmanager
def running(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    stdout: int | IO[Any] = subprocess.DEVNULL,
    stderr: int | IO[Any] = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[str]]:
    """Start a program as `start` does, and end it with all that it started when the block ends."""
    process = start(argv, environ=environ, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr)
    try:
        yield process
    finally:
        end_group(process)
        _close_pipes(process)


@contextlib.contextmanager
def _as_file(text: str) -> Iterator[IO[str]]:
    """A text as a file to read: `communicate` forgets what it has not yet written when it comes back from a timeout."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        file.write(text)
        file.seek(0)
        yield file


def _finish(process: subprocess.Popen[str], end: float, hears: Callable[[], None]) -> tuple[str | None, str | None]:
    """Return what the program wrote once it has ended. Raises TimeoutExpired at `end`, and what `hears` raises."""
    while True:
        left = max(0.0, end - time.monotonic())
        try:
            return process.communicate(timeout=min(SLICE_SECONDS, left))
        except subprocess.TimeoutExpired:
            if left <= SLICE_SECONDS:
                raise
        stopping.check()
        hears()


def _listener(log: Path, silence: float) -> Callable[[], None]:
    """Return a check that raises _Silent when nothing was written to `log` for `silence` seconds."""
    heard, size = time.monotonic(), log.stat().st_size

    def hears() -> None:
        nonlocal heard, size
        now = log.stat().st_size
        if now != size:
            heard, size = time.monotonic(), now
        elif time.monotonic() - heard > silence:
            raise _Silent

    return hears


def end_group(process: subprocess.Popen[Any]) -> None:
    """End a program started here and all that it started: first politely, then not."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(TERM_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):  # whoever of the group did not listen
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _close_pipes(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(OSError):  # a reader that is gone
                pipe.close()


def _tail(log: Path | None, text: str) -> str:
    source = log.read_text(errors="replace") if log else text
    last = "\n".join(f"  | {row}" for row in source.strip().splitlines()[-TAIL_LINES:])
    return f"{last}\n  log: {log}" if log else last
