"""Starts programs: an argument list, a deadline, a log, and the output in the error."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raymesh.errors import CommandError
from raymesh.machine import ownership

LOG = logging.getLogger(__name__)
TAIL_LINES = 15
TERM_GRACE_SECONDS = 5
_running: set[subprocess.Popen[str]] = set()
_starting = threading.Lock()  # what is started is in _running before anyone reads it


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

    `timeout` is seconds; `env` is added to ours. With `log`, both streams are appended there as they come (and stdout
    and stderr of the result are empty), and a program that writes nothing there for `silence` seconds is given up: one
    that waits for a server has no deadline of its own. The program runs in a process group of its own, which is ended
    as a whole when the deadline passes or the caller is interrupted. Raises CommandError on a non-zero exit (unless
    `check` is false), a missing program, a passed deadline or a long silence.
    """
    words = [str(word) for word in argv]
    line = shlex.join(words)
    LOG.debug("run: %s", line)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(log.open("a")) if log else subprocess.PIPE
        if log and not isinstance(sink, int):
            sink.write(f"$ {line}\n")
            sink.flush()
        try:
            with _starting:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT if log else subprocess.PIPE,
                    env={**os.environ, **ownership.mark(), **(env or {})},
                    cwd=cwd,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
                _running.add(process)
        except OSError as error:
            raise CommandError(f"cannot start {words[0]}: {error.strerror}") from error
        stack.callback(_running.discard, process)
        stack.callback(_close_pipes, process)
        try:
            if log and silence is not None:
                _listen(process, log, silence, timeout)
            out, err = process.communicate(stdin, timeout=max(0.0, started + timeout - time.monotonic()))
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


def _listen(process: subprocess.Popen[str], log: Path, silence: float, timeout: float) -> None:
    """Return once the program has ended. Raises _Silent, or TimeoutExpired as `communicate` does."""
    end, heard, size = time.monotonic() + timeout, time.monotonic(), log.stat().st_size
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(1.0, silence))
            return
        if log.stat().st_size != size:
            heard, size = time.monotonic(), log.stat().st_size
        elif time.monotonic() - heard > silence:
            raise _Silent
    raise subprocess.TimeoutExpired(process.args, timeout)


def end_group(process: subprocess.Popen[Any]) -> None:
    """End a program started here and all that it started: first politely, then not."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(TERM_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):  # whoever of the group did not listen
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_all() -> None:
    """End every program that run() started and that still runs, in whichever thread."""
    with _starting:
        running = tuple(_running)
    for process in running:
        end_group(process)


def _close_pipes(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(OSError):  # a reader that is gone
                pipe.close()


def _tail(log: Path | None, text: str) -> str:
    source = log.read_text(errors="replace") if log else text
    last = "\n".join(f"  | {row}" for row in source.strip().splitlines()[-TAIL_LINES:])
    return f"{last}\n  log: {log}" if log else last
