"""Durations as Go reads them."""

import pytest

from raymesh.manifests.durations import nanoseconds

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("5s", 5 * SECOND),
        ("300ms", 3 * SECOND // 10),
        ("1m30s", 90 * SECOND),
        ("1.5h", 5400 * SECOND),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("+1us", 1000),
        ("-1s", -SECOND),
        ("1s1ms", 1001 * 10**6),
        ("0", 0),
        ("0.0015s", 1500 * 1000),
    ],
)
def test_what_go_takes(text: str, length: int) -> None:
    assert nanoseconds(text) == length


@pytest.mark.parametrize("text", ["", "5", "1d", "s", "1e3s", "5 s", "99999999999s", "1" * 10_000 + "s", "٣s", "."])
def test_what_go_does_not_take(text: str) -> None:
    assert nanoseconds(text) is None
