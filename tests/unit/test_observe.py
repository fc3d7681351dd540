"""What grew in Prometheus is counted from one baseline; a counter that goes back is counted anew, and only that."""

from __future__ import annotations

from typing import Any, cast

from raymesh.mesh.guide import NAME
from raymesh.observe import CALLS_FLOOR, Findings, growth_judge
from raymesh.verdicts.finding import names, red
from raymesh.witness.prometheus import Prometheus, Sample

GROWS, OTHERS, RESET = "mutual_tls grows", "nothing but mutual_tls grows", "no sidecar restarted in between"
LABELS = {"source_workload": NAME, "destination_workload": NAME, "request_protocol": "grpc"}


class Answers:
    """A Prometheus that gives these counts of calls with mutual TLS and without, one after the other."""

    def __init__(self, *answers: tuple[float, float]) -> None:
        self.answers = list(answers)

    def query(self, *_: Any) -> tuple[Sample, ...]:
        counts = zip(("mutual_tls", "none"), self.answers.pop(0), strict=True)
        return tuple(Sample(LABELS | {"connection_security_policy": policy}, 0.0, count) for policy, count in counts)


def judged(*answers: tuple[float, float]) -> list[set[str]]:
    """Return what was red at each answer after the first."""
    judge = growth_judge(cast("Prometheus", Answers(*answers)))
    findings: list[Findings] = [judge() for _ in answers[1:]]
    return [names(red(one)) for one in findings]


def test_growth_is_counted_from_the_start() -> None:
    assert judged((1000, 7), (1000 + CALLS_FLOOR - 1, 7), (1000 + CALLS_FLOOR, 7)) == [{GROWS}, set()]


def test_a_counter_that_went_back_is_red_once_and_has_gained_what_it_has() -> None:
    assert judged((1000, 7), (5, 7), (CALLS_FLOOR - 1, 7), (CALLS_FLOOR, 7)) == [{GROWS, RESET}, {GROWS}, set()]


def test_plaintext_from_before_is_not_forgotten_when_another_counter_goes_back() -> None:
    assert judged((1000, 7), (1100, 8), (5, 8), (500, 8)) == [{OTHERS}, {GROWS, OTHERS, RESET}, {OTHERS}]


def test_plaintext_after_its_own_counter_went_back_is_growth() -> None:
    assert judged((1000, 7), (1100, 2), (1200, 2)) == [{RESET}, {OTHERS}]
    assert judged((1000, 7), (1100, 0), (1200, 0)) == [{RESET}, set()]
