"""wait_for and hold_for: what they return, what they raise, what they say."""

import pytest

from raymesh.errors import WaitTimeout
from raymesh.waiting import hold_for, wait_for


def test_wait_for_returns_the_value_that_held_often_enough() -> None:
    seen = iter([1, 5, 1, 5, 6, 7])
    value = wait_for("big", lambda: next(seen), until=lambda n: n > 4, within=5, every=0.001, stable=3)
    assert value == 7, "the low value in between must reset the streak"


def test_wait_for_names_what_and_the_last_value_on_timeout() -> None:
    with pytest.raises(WaitTimeout, match=r"cluster ready: not reached in 0\.02 s; last seen: suspended"):
        wait_for("cluster ready", lambda: "suspended", until=lambda s: s == "ready", within=0.02, every=0.005)


def test_wait_for_polls_through_a_named_error_and_reports_it_when_it_stays() -> None:
    def probe() -> int:
        raise ConnectionError("refused")

    with pytest.raises(WaitTimeout, match="ConnectionError: refused"):
        wait_for("answer", probe, until=bool, within=0.02, every=0.005, transient=(ConnectionError,))


def test_wait_for_lets_an_unexpected_error_escape_at_once() -> None:
    calls = []

    def probe() -> int:
        calls.append(1)
        raise KeyError("shape")

    with pytest.raises(KeyError):
        wait_for("answer", probe, until=bool, within=5, every=0.001, transient=(ConnectionError,))
    assert len(calls) == 1


def test_hold_for_ends_with_the_last_value() -> None:
    assert hold_for("quiet", lambda: 0, holds=lambda n: n == 0, seconds=0.02, every=0.005) == 0


def test_hold_for_fails_as_soon_as_it_no_longer_holds() -> None:
    seen = iter([0, 0, 3])
    with pytest.raises(WaitTimeout, match="last seen: 3"):
        hold_for("quiet", lambda: next(seen), holds=lambda n: n == 0, seconds=5, every=0.001)
