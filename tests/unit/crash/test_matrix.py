"""The crash matrix itself: it hits where it says, and calls nothing mended that is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from raymesh.paths import ROOT
from tests.crash.matrix import Outcome, chosen, table

WORK = """
import subprocess, sys
from pathlib import Path
from tests.crash.points import Points
points = Points(sys.argv[1], int(sys.argv[2]))
with points.armed():
    Path("one").mkdir()
    Path("two").write_text("2")
    subprocess.run(["sh", "-c", "sleep 0.3; echo 3 > three"])
    Path("two").rename("four")
print(points.seen[sys.argv[1]])
"""
GREEN = {"hit": -9, "said": "", "again": 0, "clean": 0, "left": []}


def work(folder: Path, kind: str, at: int) -> tuple[int, str, set[str]]:
    words = [sys.executable, "-B", "-c", WORK, kind, str(at)]
    done = subprocess.run(
        words,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr, {path.name for path in folder.iterdir()}


def test_points_are_what_changes_something_and_nothing_is_hit_unless_asked(tmp_path: Path) -> None:
    assert work(tmp_path, "kill", 0) == (0, "4\n", {"one", "three", "four"})


@pytest.mark.parametrize(("kind", "points"), [("during", 1), ("full", 2)])
def test_each_kind_has_points_of_its_own(tmp_path: Path, kind: str, points: int) -> None:
    assert work(tmp_path, kind, 0)[:2] == (0, f"{points}\n")


@pytest.mark.parametrize(("at", "there"), [(1, set()), (2, {"one"}), (3, {"one", "two"}), (4, {"one", "two", "three"})])
def test_a_kill_comes_before_the_change_of_that_number(tmp_path: Path, at: int, there: set[str]) -> None:
    assert work(tmp_path, "kill", at) == (-9, "", there)


def test_a_program_can_be_left_alone_while_it_runs(tmp_path: Path) -> None:
    code, said, there = work(tmp_path, "during", 1)
    assert (code, said) == (-9, "")
    assert there == {"one", "two", "three"}, "the program went on by itself"


@pytest.mark.parametrize(("at", "there"), [(1, set()), (2, {"one"})])
def test_a_full_disk_is_an_error_of_the_call_that_writes(tmp_path: Path, at: int, there: set[str]) -> None:
    code, said, left = work(tmp_path, "full", at)
    assert (code, left) == (1, there)
    assert "No space left on device" in said


@pytest.mark.parametrize(("count", "most", "points"), [(3, 8, [1, 2, 3]), (0, 8, []), (99, 3, [1, 50, 99])])
def test_points_are_taken_evenly_with_the_first_and_the_last(count: int, most: int, points: list[int]) -> None:
    assert chosen(count, most) == points


@pytest.mark.parametrize(
    "wrong",
    [{"again": 1}, {"clean": 1}, {"left": ["namespace raymesh"]}, {"again": None}, {"left": None}],
)
def test_what_is_not_green_or_leaves_something_is_not_mended(wrong: dict[str, object]) -> None:
    assert Outcome("engine", "kill", 1, "", dict(GREEN)).faults == []
    answer = {key: value for key, value in (GREEN | wrong).items() if value is not None}
    assert Outcome("engine", "kill", 1, "", answer).faults


def test_a_full_disk_has_to_be_an_error_of_ours() -> None:
    assert Outcome("engine", "full", 1, "", GREEN | {"hit": 1}).faults == []
    assert Outcome("engine", "full", 1, "", GREEN | {"hit": 2}).faults


def test_the_table_counts_what_was_mended_of_what_was_hit() -> None:
    outcomes = [
        Outcome("engine", "kill", 1, "", dict(GREEN)),
        Outcome("engine", "kill", 2, "", GREEN | {"left": ["a", "b"]}),
        Outcome("hosts", "full", 1, "", GREEN | {"hit": 1}),
    ]
    assert table(outcomes).splitlines() == [
        "| work | killed | disk full | left |",
        "| --- | --- | --- | --- |",
        "| start, use and end a private engine | 1 of 2 | 0 of 0 | 2 |",
        "| make and remove the hosts of an audit | 0 of 0 | 1 of 1 | 0 |",
    ]
