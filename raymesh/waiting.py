"""The one place that waits: poll until true, or hold that something stays true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from raymesh import stopping
from raymesh.deadlines import scaled
from raymesh.errors import WaitTimeout

T = TypeVar("T")
LAST_SEEN_CHARS = 2000
SLICE_SECONDS = 0.5  # how soon a thread that waits sees that its part of the run ends


def wait_for(
    what: str,
    probe: Callable[[], T],
    *,
    until: Callable[[T], bool],
    within: float,
    every: float = 2.0,
    stable: int = 1,
    transient: tuple[type[BaseException], ...] = (),
) -> T:
    """Poll `probe` until `until` holds `stable` times in a row and return the value that held.

    `within` and `every` are seconds; the run scales the first. An exception named in `transient` counts as "not yet";
    any other escapes at once.
    Raises WaitTimeout, which names `what` and the last value or exception seen, and Stopped in a thread of a run that
    ends.
    """
    within = scaled(within)
    streak = 0
    last: object = "nothing yet"

    def attempt() -> tuple[bool, T]:
        nonlocal streak, last
        stopping.check()
        try:
            value = probe()
        except transient as error:
            streak, last = 0, f"{type(error).__name__}: {error}"
            raise
        last = value
        streak = streak + 1 if until(value) else 0
        return streak >= stable, value

    def not_yet(outcome: tuple[bool, T]) -> bool:
        return not outcome[0]

    poller = tenacity.Retrying(
        stop=tenacity.stop_after_delay(within),
        wait=tenacity.wait_fixed(every),
        sleep=_nap,
        retry=tenacity.retry_if_result(not_yet) | tenacity.retry_if_exception_type(transient),
    )
    try:
        return poller(attempt)[1]
    except tenacity.RetryError:
        raise WaitTimeout(f"{what}: not reached in {within:g} s; last seen: {str(last)[:LAST_SEEN_CHARS]}") from None


def hold_for(what: str, probe: Callable[[], T], *, holds: Callable[[T], bool], seconds: float, every: float = 2.0) -> T:
    """Check that `holds` is true at once and stays true for `seconds`; return the last value.

    Raises WaitTimeout as soon as it is not.
    """
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if not holds(value):
            raise WaitTimeout(f"{what}: did not hold for {seconds:g} s; last seen: {str(value)[:LAST_SEEN_CHARS]}")
        left = end - time.monotonic()
        if left <= 0:
            return value
        _nap(min(every, left))


def _nap(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_SECONDS))  # noqa: TID251 - the one sleep of the project
        stopping.check()
