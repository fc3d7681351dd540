"""A subject that is broken on purpose: what it names is held against what was red."""

from __future__ import annotations

import pytest

from raymesh.subject.expected import compared

JUDGED = {"V106": False, "V405": False, "V801": True, "V201": True}


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ((), ""),
        (("V106", "V405"), "red is just what proof.raymesh/turns-red names: V106, V405"),
        (("V106",), "as named: V106; red as well: V405"),
        (("V106", "V405", "V801"), "as named: V106, V405; named and green: V801"),
        (("V106", "V405", "V999"), "as named: V106, V405; named and not asked: V999"),
    ],
)
def test_what_is_red_is_held_against_what_the_file_says(expected: tuple[str, ...], told: str) -> None:
    assert compared(expected, JUDGED).endswith(told)
    assert bool(compared(expected, JUDGED)) == bool(expected)
