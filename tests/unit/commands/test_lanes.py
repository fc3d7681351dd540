"""`raymesh lanes`: every lane with every version, and what can be set."""

from __future__ import annotations

import json

import pytest

from raymesh.commands.main import main
from raymesh.images.bumping import PROGRAMS, buildable
from raymesh.lane import lane_names, load_lane


def test_every_lane_is_listed_with_what_is_pulled_and_what_serves_in_build(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lanes", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["lanes"]) == lane_names()
    for name in lane_names():
        lane = load_lane(name)
        assert told["lanes"][name] == {"pull": lane.versions, "build": lane.as_built().versions}
    assert told["set"] == {program: buildable(program) for program in PROGRAMS}


def test_a_stand_in_is_seen_beside_what_it_stands_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lanes"]) == 0
    out = capsys.readouterr().out
    assert "1.21.1 -> 1.31.0" in out
    assert all(name in out.splitlines()[0] for name in lane_names())
