"""Renovate's configuration finds every version of lanes.yaml, each in its lane, and every file with pins."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from raymesh.lane import LANES_FILE, NO_VERSIONS, Lane, lane_names, load_lane
from raymesh.paths import ROOT

CONFIG: dict[str, Any] = json.loads((ROOT / "renovate.json").read_text())
LANES = "manifests/lanes.yaml"
PROGRAMS = [one.name for one in fields(Lane) if one.name not in NO_VERSIONS]
MANAGERS = CONFIG["customManagers"]


def named(pattern: str) -> re.Pattern[str]:
    """A pattern as Renovate's engine has it (RE2, in JavaScript's spelling) for this one."""
    assert not re.search(r"\\[1-9]|\(\?[=!]|\(\?<[=!]", pattern), "RE2 has neither references back nor looking around"
    return re.compile(pattern.replace("(?<", "(?P<"))


def files(patterns: list[str]) -> list[re.Pattern[str]]:
    assert all(text.startswith("/") and text.endswith("/") for text in patterns)
    return [named(text[1:-1]) for text in patterns]


def found(program: str, text: str) -> dict[str, dict[str, str]]:
    """Lane -> what the manager of a program finds there."""
    [manager] = [one for one in MANAGERS if one["depNameTemplate"] == program]
    rows = [match.groupdict() for pattern in manager["matchStrings"] for match in named(pattern).finditer(text)]
    assert len({row["depType"] for row in rows}) == len(rows)
    return {row["depType"]: row for row in rows}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_version_of_every_lane_is_found_with_its_lane(program: str) -> None:
    rows = found(program, LANES_FILE.read_text())
    assert {lane: row["currentValue"] for lane, row in rows.items()} == {
        name: load_lane(name).versions[program] for name in lane_names()
    }


def test_the_nodes_digest_moves_with_its_version() -> None:
    rows = found("kubernetes", LANES_FILE.read_text())
    assert {lane: row["currentDigest"] for lane, row in rows.items()} == {
        name: load_lane(name).digests["node"] for name in lane_names()
    }


def test_every_manager_reads_files_that_are_there_and_says_where_versions_are_from() -> None:
    for manager in MANAGERS:
        tracked = [LANES, "images/recipes.yaml"]
        assert [path for path in tracked for one in files(manager["managerFilePatterns"]) if one.search(path)]
        assert manager["datasourceTemplate"] in ("docker", "github-releases", "pypi", "python-version")
        [text] = [
            (ROOT / path).read_text() for path in tracked if files(manager["managerFilePatterns"])[0].search(path)
        ]
        assert [one for one in manager["matchStrings"] if named(one).search(text)], manager["depNameTemplate"]


def test_a_lane_moves_as_a_whole_or_by_hand() -> None:
    rules = [rule for rule in CONFIG["packageRules"] if rule.get("matchFileNames") == [LANES]]
    told = {lane: rule for rule in rules for lane in rule["matchDepTypes"]}
    assert list(told) == lane_names()
    assert {lane for lane, rule in told.items() if rule.get("enabled") is False} == {"seed", "guide-now"}
    assert {lane: rule["groupName"] for lane, rule in told.items() if "groupName" in rule} == {
        "stable": "lane stable",
        "edge": "lane edge",
    }


@pytest.mark.parametrize(
    "path",
    sorted(
        str(path.relative_to(ROOT))
        for pattern in ("images/**/go.mod", "images/**/requirements.txt", "raymesh/audit/locks/*.txt")
        for path in ROOT.glob(pattern)
    ),
)
def test_every_file_with_pins_has_a_group(path: str) -> None:
    rules = [
        rule for rule in CONFIG["packageRules"] if any(fnmatch(path, one) for one in rule.get("matchFileNames", ()))
    ]
    assert len(rules) == 1
    assert rules[0]["groupName"]
    if path.endswith(".txt"):
        assert any(one.search(path) for one in files(CONFIG["pip_requirements"]["managerFilePatterns"]))


def test_only_managers_that_are_on_are_configured() -> None:
    told = {one for rule in CONFIG["packageRules"] for one in rule.get("matchManagers", ())}
    told |= {"pip-compile", "pip_requirements"} & CONFIG.keys()
    assert told <= set(CONFIG["enabledManagers"])
    assert Path(ROOT / ".pre-commit-hooks.yaml").exists()
