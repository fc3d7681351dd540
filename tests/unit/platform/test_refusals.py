"""Refusals in the words of Kubernetes, each with the cure of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from raymesh.platform import refusals

TABLE: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text())
ROWS = [(text, cure) for cure, texts in TABLE.items() for text in texts]


@pytest.mark.parametrize(("text", "cure"), ROWS, ids=[str(number) for number in range(len(ROWS))])
def test_what_is_refused_is_told_in_its_own_words_with_the_cure_of_its_kind(text: str, cure: str) -> None:
    found = refusals.read(text)
    assert found is not None
    assert cure in found.cure
    assert " ".join(text.split()) in found.cause
    assert refusals.explained(text) == str(found) == f"{found.cause}\n  cure: {found.cure}"


def test_every_cure_has_words_that_lead_to_it() -> None:
    found = [refusals.read(text) for text, _ in ROWS]
    assert {one.cure for one in found if one} == {cure for _, cure in refusals.CURES}


@pytest.mark.parametrize(
    "text", ["", "Running, not ready: ray-head", "(Conflict): the object has been modified", "connection refused"]
)
def test_what_is_no_refusal_has_no_cure(text: str) -> None:
    assert refusals.read(text) is None
    assert refusals.explained(text) == text


def test_a_very_long_one_is_cut() -> None:
    found = refusals.read(f"exceeded quota: {'x' * 5000}")
    assert found is not None
    assert len(found.cause) < refusals.SHOWN_CHARS + 10
