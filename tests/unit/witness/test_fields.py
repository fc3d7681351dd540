"""Strict reading: each error says the path and the value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.fields import Field, optional_flag, optional_items, optional_text, read_json

ROOT = read_json('{"a": [{"b": "x", "n": "12", "f": true, "none": null}]}', "answer")


def test_a_path_leads_to_its_value() -> None:
    item = ROOT["a"].items()[0]
    assert (item["b"].text(), item["n"].integer(), item["n"].number(), item["f"].flag()) == ("x", 12, 12.0, True)
    assert item["b"].path == "answer.a[0].b"


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (lambda r: r["z"], r"answer: wants an object with the key 'z', has \"{'a'"),
        (lambda r: r["a"]["b"], r"answer\.a: wants an object, has"),
        (lambda r: r["a"].items()[0]["b"].integer(), r"answer\.a\[0\]\.b: wants a whole number, has 'x'"),
        (lambda r: r["a"].items()[0]["b"].number(), r"\.b: wants a number, has 'x'"),
        (lambda r: r["a"].items()[0]["f"].number(), r"\.f: wants a number, has 'True'"),
        (lambda r: r["a"].items()[0]["f"].integer(), r"\.f: wants a whole number"),
        (lambda r: r["a"].items()[0]["n"].flag(), r"\.n: wants true or false"),
        (lambda r: r["a"].items()[0]["f"].text(), r"\.f: wants a text"),
        (lambda r: r["a"].items()[0]["b"].one_of(("y", "w")), r"\.b: wants one of \['w', 'y'\], has 'x'"),
        (lambda r: r["a"].items()[0]["none"], r"wants an object with the key 'none'"),
        (lambda r: r["a"].items()[0].items(), r"\.a\[0\]: wants a list"),
    ],
)
def test_what_is_not_as_expected_is_unreadable(read: Callable[[Field], object], says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read(ROOT)


@pytest.mark.parametrize("number", ["NaN", "Infinity", '"+Inf"'])
def test_a_number_that_is_none_is_unreadable(number: str) -> None:
    with pytest.raises(Unreadable, match="wants a number"):
        read_json(number, "answer").number()


def test_what_is_no_json_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"answer: wants JSON .*, has '<html>'"):
        read_json("<html>", "answer")


def test_left_out_values_have_a_meaning_only_where_the_reader_says_so() -> None:
    item = ROOT["a"].items()[0]
    assert (optional_text(item, "none"), optional_flag(item, "q"), optional_items(item, "q")) == ("", False, [])
    with pytest.raises(Unreadable):
        optional_flag(item, "b")
