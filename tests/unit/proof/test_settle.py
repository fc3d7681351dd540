"""Settling: what is green by accident is red, and what must turn red is just that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from raymesh.errors import CommandError
from raymesh.proof.settle import Look, OtherwiseRed, until_green, until_red
from raymesh.verdicts.catalog import ANSWERS, HELD, KIALI_MTLS, SCRAPED, Verdict
from raymesh.verdicts.finding import Finding, Findings, holds, verdicts_of
from raymesh.verdicts.finding import red as not_holding
from raymesh.witness.http import NoAnswer

WITHIN, EVERY = 0.2, 0.01


def finding(verdict: Verdict, *, ok: bool) -> Finding:
    return Finding(verdict, ok=ok, expected="x", seen="y", witness="z")


GREEN: Findings = (finding(KIALI_MTLS, ok=True), finding(SCRAPED, ok=True))
RED: Findings = (finding(KIALI_MTLS, ok=False), finding(SCRAPED, ok=True))
BOTH: Findings = (finding(KIALI_MTLS, ok=False), finding(SCRAPED, ok=False))
SILENT = NoAnswer("nobody there")


def looked(*answers: Findings | Exception, again: bool = False) -> Look:
    """A look that gives these answers one after the other, and then the last one, or all of them again."""

    def endless() -> Iterator[Findings | Exception]:
        yield from answers
        while True:
            yield from answers if again else answers[-1:]

    following = endless()

    def look() -> Findings:
        answer = next(following)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def settled(look: Look, stable: int = 3) -> Findings:
    return until_green("x", [look], within=WITHIN, stable=stable, every=EVERY)


def test_green_often_enough_in_a_row_is_green() -> None:
    assert settled(looked(RED, GREEN, RED, GREEN)) == GREEN


def test_a_deadline_after_one_green_poll_is_red() -> None:
    found = until_green("x", [looked(GREEN)], within=0.0, stable=2, every=EVERY)
    assert verdicts_of(not_holding(found)) == {HELD}


@pytest.mark.parametrize("answers", [(RED, GREEN), (GREEN, RED), (GREEN, GREEN, RED)])
def test_what_flaps_is_red_whatever_was_seen_last(answers: tuple[Findings, ...]) -> None:
    found = settled(looked(*answers, again=True))
    assert HELD in verdicts_of(not_holding(found))


def test_what_stays_red_says_what_is_red() -> None:
    found = settled(looked(RED))
    assert verdicts_of(not_holding(found)) == {KIALI_MTLS, HELD}
    assert found[-1].seen == "red when the time was over"


@pytest.mark.parametrize("silence", [SILENT, CommandError("kubectl failed")])
def test_a_witness_that_falls_silent_after_a_green_poll_is_red(silence: Exception) -> None:
    """What was seen before is forgotten: it is not the mesh of now."""
    found = settled(looked(GREEN, silence), stable=2)
    assert verdicts_of(found) == {ANSWERS}
    assert not holds(found)


def test_silence_breaks_a_row() -> None:
    assert not holds(settled(looked(GREEN, GREEN, SILENT, again=True)))


def test_one_look_of_many_is_enough_to_be_red() -> None:
    found = until_green("x", [looked(GREEN), looked(BOTH)], within=WITHIN, every=EVERY)
    assert HELD in verdicts_of(not_holding(found))


def test_who_waits_hears_what_is_red_and_who_is_silent() -> None:
    heard: list[str] = []
    until_green("x", [looked(RED, BOTH, SILENT, GREEN)], within=5, every=EVERY, told=heard.append)
    assert heard == ["red now: V203", "red now: V203; V304", "a witness does not answer", ""]


def test_no_findings_are_no_green() -> None:
    assert not holds(settled(looked(())))


def test_an_error_that_is_no_silence_escapes() -> None:
    with pytest.raises(ZeroDivisionError):
        settled(looked(GREEN, ZeroDivisionError()))


def reddened(look: Look, *verdicts: Verdict, stable: int = 2) -> Findings:
    return until_red("x", [look], verdicts, within=WITHIN, stable=stable, every=EVERY)


def test_just_what_was_waited_for_is_red() -> None:
    assert reddened(looked(GREEN, BOTH, RED), KIALI_MTLS) == not_holding(RED)
    assert reddened(looked(BOTH), KIALI_MTLS, SCRAPED) == BOTH


@pytest.mark.parametrize(
    ("look", "wanted", "says"),
    [
        (looked(BOTH), {KIALI_MTLS}, f"still green: none; red as well: {SCRAPED}"),
        (looked(RED), {KIALI_MTLS, SCRAPED}, f"still green: {SCRAPED}; red as well: none"),
        (looked(GREEN), {SCRAPED}, f"still green: {SCRAPED}; red as well: none"),
    ],
)
def test_other_reds_and_missing_ones_are_told(look: Look, wanted: set[Verdict], says: str) -> None:
    with pytest.raises(OtherwiseRed, match="not red just by") as error:
        reddened(look, *wanted)
    assert says in str(error.value)


def test_a_red_that_flaps_does_not_hold() -> None:
    with pytest.raises(OtherwiseRed):
        reddened(looked(RED, GREEN, again=True), KIALI_MTLS)


def test_a_silent_witness_is_red() -> None:
    assert verdicts_of(reddened(looked(SILENT), ANSWERS)) == {ANSWERS}
    with pytest.raises(OtherwiseRed, match="red as well: V002"):
        until_red("x", [looked(RED), looked(SILENT)], {KIALI_MTLS}, within=WITHIN, every=EVERY)
