"""`raymesh ports generate`: what it refuses, in one line each, and what it prints."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from raymesh.commands.exits import CLEAN, USAGE
from raymesh.commands.main import main
from tests.unit.lint.examples import CLEAN as MANIFEST

LONG = "a" * 5000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a manifest in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(MANIFEST)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cpus", "-5"], "--cpus -5: a whole number from 1 to 1024"),
        (["--cpus", "0"], "--cpus 0: a whole number"),
        (["--ray", "latest"], "--ray 'latest': a release"),
        (["--kuberay", "x"], "--kuberay 'x': a release"),
        (["--merge", "-", "--write"], "--write can't change standard input"),
        (["--merge", LONG], "File name too long"),
        (["--merge", "mine.yaml", "--write", "--diff"], "one of them"),
        (["--merge", "mine.yaml", "--as-guide"], "does not go with --merge"),
        (["--diff"], "--diff goes with --merge FILE"),
        (["--protocol", "node-manager-port=http"], "breaks its calls; grpc or tcp"),
        (["--name", "a\nb"], r"name 'a\nb'"),
        (["--namespace", ""], "namespace ''"),
        (["--port", "node-manager-port=\u0667"], "a number"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ports", "generate", *arguments]) == USAGE
    told = capsys.readouterr()
    assert message in told.err
    assert (told.err.count("\n"), told.out) == (1, "")
    assert [p.name for p in folder.iterdir()] == ["mine.yaml"]


def test_a_path_that_is_too_long_is_told_by_the_linter_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "lint", LONG]) == USAGE
    assert "File name too long" in capsys.readouterr().err


def test_a_merge_shows_prints_and_writes_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["ports", "generate", "--merge", "mine.yaml", "--port", "node-manager-port=7380"]
    assert main([*wanted, "--diff"]) == CLEAN
    shown = capsys.readouterr().out
    assert "-      node-manager-port: '6380'\n+      node-manager-port: '7380'\n" in shown
    assert (folder / "mine.yaml").read_text() == MANIFEST, "nothing was written"
    assert main(wanted) == CLEAN
    printed = capsys.readouterr().out
    assert main([*wanted, "--write"]) == CLEAN
    assert (folder / "mine.yaml").read_text() == printed
    assert main([*wanted, "--diff"]) == CLEAN
    assert capsys.readouterr().out == ""


def test_standard_input_is_merged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MANIFEST.encode())))
    assert main(["ports", "generate", "--merge", "-"]) == CLEAN
    assert "gcs-server-port" in capsys.readouterr().out
