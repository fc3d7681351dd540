"""The page of a workflow's job: the answer first, what is wrong, and no name that Markdown takes for its own."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from raymesh.evidence.record import Record
from raymesh.evidence.steps import MOST, markdown
from tests.unit.evidence.records import EDGES, GREEN, RECORDS, RED, judgement


def test_the_answer_stands_first_and_then_what_is_wrong() -> None:
    assert markdown(GREEN).startswith("## raymesh: passed: 2 findings")
    assert "\n- " not in markdown(GREEN)
    assert markdown(RED).count("\n- ") == len(RED.wrong)


def test_many_are_cut_and_counted() -> None:
    many = replace(GREEN, judgements=tuple(judgement(EDGES, ok=False) for _ in range(MOST + 5)))
    assert markdown(many).count("\n- ") == MOST + 1
    assert "and 5 more" in markdown(many)


@settings(max_examples=40, deadline=None)
@given(RECORDS)
def test_no_name_is_markup(record: Record) -> None:
    assert "<" not in markdown(record).replace("<br>\n", "")
