"""Findings: nothing looked at is not green, and a failure says expected, seen and witness."""

from __future__ import annotations

from raymesh.verdicts.finding import Finding, failures, holds, some

GREEN = Finding("a", ok=True, expected="x", seen="x", witness="Kiali")
RED = Finding("edge is mTLS", ok=False, expected="100 %", seen="50 %", witness="Kiali")


def test_no_findings_are_a_failure() -> None:
    assert not holds(())
    assert failures(()) == "no findings at all: nothing was looked at"


def test_one_red_finding_is_enough() -> None:
    assert holds((GREEN,))
    assert not holds((GREEN, RED))
    assert failures((GREEN, RED)) == "FAILED: edge is mTLS: expected 100 %; Kiali: 50 %"


def test_some_shows_a_few() -> None:
    assert some([]) == "none"
    assert some([1, 2]) == "1; 2"
    assert some(range(7)) == "0; 1; 2; 3; 4 and 2 more"
