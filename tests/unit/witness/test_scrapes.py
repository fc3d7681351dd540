"""How often Prometheus scrapes, as it writes durations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raymesh.witness.prometheus import parse_targets


@pytest.mark.parametrize(
    ("said", "seconds"), [("15s", 15.0), ("1m", 60.0), ("1m30s", 90.0), ("500ms", 0.5), ("1h", 3600.0), (None, 0.0)]
)
def test_the_interval_of_a_target_is_in_seconds(said: str | None, seconds: float) -> None:
    target: dict[str, Any] = {"labels": {"job": "x"}, "health": "up", "lastScrape": "2026-01-01T00:00:00Z"}
    if said:
        target["scrapeInterval"] = said
    [found] = parse_targets(json.dumps({"status": "success", "data": {"activeTargets": [target]}}))
    assert found.interval == pytest.approx(seconds)
