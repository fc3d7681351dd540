"""Prometheus' answers become samples and targets, and what is unknown is refused."""

from __future__ import annotations

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.prometheus import parse_targets, parse_vector
from tests.unit.witness.builders import Doc, built_vector, text


def built_targets(**more: object) -> Doc:
    target = {"labels": {"job": "kubernetes-pods", "pod": "head"}, "health": "up", "lastError": "", **more}
    return {"status": "success", "data": {"activeTargets": [target], "droppedTargets": []}}


def test_a_vector_has_labels_and_values() -> None:
    (sample,) = parse_vector(text(built_vector(({"connection_security_policy": "mutual_tls"}, "41.5"))))
    assert (sample.labels, sample.value) == ({"connection_security_policy": "mutual_tls"}, 41.5)


def test_a_target_says_whether_it_could_be_read() -> None:
    (target,) = parse_targets(text(built_targets(health="down", lastError="connection refused")))
    assert (target.job, target.labels["pod"]) == ("kubernetes-pods", "head")
    assert (target.health, target.error) == ("down", "connection refused")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": "error", "error": "parse error"}, r"status: wants one of \['success'\], has 'error'"),
        ({"status": "success", "data": {"resultType": "matrix", "result": []}}, r"resultType: wants one of"),
        (built_vector(({}, "NaN")), r"value\[1\]: wants a number, has 'NaN'"),
        (
            {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1]}]}},
            "value: wants a time and a value",
        ),
    ],
)
def test_an_unknown_vector_is_unreadable(answer: Doc, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        parse_vector(text(answer))


def test_an_unknown_health_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="health: wants one of"):
        parse_targets(text(built_targets(health="fine")))
