"""The end of a run, or of a part of it: threads stop at their next wait or program, the main thread puts away."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType, TracebackType
from typing import ParamSpec, TypeVar

from raymesh.errors import Stopped

P = ParamSpec("P")
T = TypeVar("T")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_run_ends = threading.Event()
_part = threading.local()  # .ends: the event of the Threads that a thread belongs to


def on_signals() -> None:
    """Let Ctrl-C, SIGTERM and a lost terminal end the run in order: threads stop, and the main thread is interrupted.

    A signal that is ignored stays so: that is how `nohup` asks for it.
    """
    if signal.getsignal(signal.SIGTERM) is _interrupt:
        return
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    threading.Thread(target=_hear, args=(reads,), daemon=True).start()


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Let no signal break this block; what came meanwhile is heard at its end. Threads but the main one get none.

    A program that is being started belongs to nobody until it is there: a signal in that moment would leave it behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda heard, _frame: came.append(heard))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            before[signal.Signals(came[0])](came[0], None)


def stop() -> None:
    """Let every thread but the main one stop at its next wait or program."""
    _run_ends.set()


def check() -> None:
    """Raise Stopped in a thread of what ends. The main thread may still start programs: it puts away."""
    if _stopped():
        raise Stopped("the run ends: nothing new is started")


class Threads(ThreadPoolExecutor):
    """Threads that end with their block, however it ends: what they do is stopped, and not waited for any longer."""

    def __init__(self, count: int) -> None:
        self._ends = threading.Event()
        super().__init__(count, initializer=self._join_part)

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread do `work`."""
        return super().submit(work, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self.shutdown(wait=True, cancel_futures=True)

    def _join_part(self) -> None:
        _part.ends = self._ends


def _stopped() -> bool:
    if threading.current_thread() is threading.main_thread():
        return False
    own: threading.Event | None = getattr(_part, "ends", None)
    return _run_ends.is_set() or (own is not None and own.is_set())


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    stop()
    raise KeyboardInterrupt


def _hear(reads: int) -> None:
    """Stop the threads as soon as a signal comes.

    The main thread runs _interrupt, but one that has just begun to wait for a thread is not woken by a signal: it wakes
    when that thread stops.
    """
    while True:
        for number in os.read(reads, 1):
            if number in SIGNALS and signal.getsignal(number) is _interrupt:
                stop()
