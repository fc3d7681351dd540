"""`raymesh lanes`: every lane with every version, and what can be set."""

from __future__ import annotations

import json

import pytest

from raymesh.commands.main import main
from raymesh.images import registry
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


def test_what_a_lane_pulls_is_listed_with_what_a_mirror_has_to_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lanes", "--images", "stable", "--registry", "a.example/b", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {role: row["published"] for role, row in told.items()} == registry.published(load_lane("stable"))
    assert {role: row["mirror"] for role, row in told.items()} == registry.published(load_lane("stable"), "a.example/b")
    assert main(["lanes", "--images", "seed"]) == 0
    assert "docker.io/istio/istioctl:1.21.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--images", "sed"], "unknown lane 'sed'"), (["--registry", "a.example"], "--registry goes with --images LANE")],
)
def test_what_it_does_not_take_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lanes", *words]) == 2
    assert said in capsys.readouterr().err
