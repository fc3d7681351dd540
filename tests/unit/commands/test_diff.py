"""`raymesh ports diff`: any two versions of Ray, and of the operator."""

from __future__ import annotations

import json

import pytest

from raymesh.commands.exits import CLEAN, USAGE
from raymesh.commands.main import main


def test_two_versions_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "diff", "2.47.1", "2.48.0"]) == CLEAN
    told = capsys.readouterr()
    assert "--storage" in told.out
    assert "read: scripts.py of released wheels" in told.out
    assert told.err.startswith("note: no recorded audit")


def test_both_axes_go_together_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "diff", "2.10.0", "2.60.0", "--kuberay", "1.1..1.6", "--format", "json"]) == CLEAN
    rows = json.loads(capsys.readouterr().out)
    assert {"flag", "bind", "crossing", "service", "probe", "param"} <= {row["topic"] for row in rows}
    assert all(row["known"] for row in rows)


def test_versions_that_do_not_differ_are_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "diff", "2.48.0", "2.48.1"]) == CLEAN
    assert "do not differ" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to compare"),
        (["2.10.0"], "two versions of Ray"),
        (["2.10.0", "2.46.0", "2.60.0"], "two versions of Ray"),
        (["2.10.0", "latest"], "a release such as"),
        (["--kuberay", "1.1"], "two dots between"),
        (["--kuberay", "1.1..x"], "two dots between"),
        (["--kuberay", "1.0..1.6"], "the oldest one known"),
    ],
)
def test_what_can_not_be_compared_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ports", "diff", *arguments]) == USAGE
    assert message in capsys.readouterr().err


def test_a_newer_operator_is_said_to_be_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "diff", "--kuberay", "1.5..1.9"]) == CLEAN
    assert "assuming the same" in capsys.readouterr().err
