"""Findings: nothing looked at is not green, and a failure says expected, seen and witness."""

from __future__ import annotations

from raymesh.verdicts.catalog import KIALI_MTLS
from raymesh.verdicts.finding import Finding, failures, holds, red, some, verdicts_of

GREEN = Finding(KIALI_MTLS, ok=True, expected="x", seen="x", witness="Kiali")
RED = Finding(KIALI_MTLS, ok=False, expected="100 %", seen="50 %", witness="Kiali", about="head")


def test_no_findings_are_a_failure() -> None:
    assert not holds(())
    assert failures(()) == "no findings at all: nothing was looked at"


def test_one_red_finding_is_enough() -> None:
    assert holds((GREEN,))
    assert not holds((GREEN, RED))
    assert red((GREEN, RED)) == (RED,)
    assert verdicts_of((GREEN, RED)) == {KIALI_MTLS}


def test_a_failure_says_what_of_whom_and_on_whose_word() -> None:
    said = "FAILED: V203 the self-edges are mTLS (head): expected 100 %; Kiali: 50 %"
    assert failures((GREEN, RED)) == said


def test_some_shows_a_few() -> None:
    assert some([]) == "none"
    assert some([1, 2]) == "1; 2"
    assert some(range(7)) == "0; 1; 2; 3; 4 and 2 more"
