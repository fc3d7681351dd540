"""Prometheus' answers become samples and targets, and what is unknown is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.prometheus import parse_targets, parse_vector
from tests.unit.witness.builders import Doc, built_vector, text


def built_targets(**more: object) -> Doc:
    scrape = {"health": "up", "lastError": "", "lastScrape": "2026-11-25T04:00:00.5Z"}
    target = {"labels": {"job": "kubernetes-pods", "pod": "head"}, **scrape, **more}
    return {"status": "success", "data": {"activeTargets": [target], "droppedTargets": []}}


def test_a_vector_has_labels_and_values() -> None:
    (sample,) = parse_vector(text(built_vector(({"connection_security_policy": "mutual_tls"}, "41.5"))))
    assert (sample.labels, sample.value) == ({"connection_security_policy": "mutual_tls"}, 41.5)


def test_a_target_says_whether_it_could_be_read() -> None:
    (target,) = parse_targets(text(built_targets(health="down", lastError="connection refused")))
    assert (target.job, target.labels["pod"]) == ("kubernetes-pods", "head")
    assert (target.health, target.error) == ("down", "connection refused")
    assert target.scraped_at == datetime(2026, 11, 25, 4, 0, 0, 500_000, UTC).timestamp()
    [never] = parse_targets(text(built_targets(lastScrape="0001-01-01T00:00:00Z")))
    assert never.scraped_at == 0


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
