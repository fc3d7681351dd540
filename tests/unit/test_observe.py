"""What grew in Prometheus is counted from a baseline that starts anew where a counter went back."""

from __future__ import annotations

from typing import Any, cast

from raymesh.mesh.raycluster import NAME
from raymesh.observe import CALLS_FLOOR, growth_judge
from raymesh.verdicts.finding import failures, holds
from raymesh.witness.prometheus import Prometheus, Sample


class Counters:
    """A Prometheus that gives these values of one counter, one after the other."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def query(self, *_: Any) -> tuple[Sample, ...]:
        labels = {"source_workload": NAME, "destination_workload": NAME, "request_protocol": "grpc"}
        return (Sample(labels | {"connection_security_policy": "mutual_tls"}, 0.0, self.values.pop(0)),)


def test_growth_is_counted_from_the_start() -> None:
    judge = growth_judge(cast("Prometheus", Counters(1000, 1000 + CALLS_FLOOR - 1, 1000 + CALLS_FLOOR)))
    assert [holds(judge()), holds(judge())] == [False, True]


def test_a_counter_that_starts_at_0_again_is_red_once_and_then_counts_from_there() -> None:
    judge = growth_judge(cast("Prometheus", Counters(1000, 5, 6, 5 + CALLS_FLOOR)))
    assert "no sidecar restarted in between" in failures(judge())
    assert "mutual_tls grows" in failures(judge())
    assert holds(judge())
