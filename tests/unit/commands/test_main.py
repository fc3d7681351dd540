"""The command `raymesh` itself: what it knows, and that it says the same as the modules behind it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from raymesh import __version__
from raymesh.commands.main import COMMANDS, Command, Group, main
from raymesh.paths import ROOT
from raymesh.verdicts.catalog import VERDICTS


def every_command(commands: Mapping[str, Command | Group] = COMMANDS) -> Iterator[Command]:
    for command in commands.values():
        if isinstance(command, Group):
            yield from every_command(command.commands)
        else:
            yield command


@pytest.mark.parametrize("command", list(every_command()), ids=lambda command: command.module)
def test_a_command_is_announced_in_its_own_words(command: Command) -> None:
    assert command.help == importlib.import_module(f"raymesh.commands.{command.module}").HELP


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"raymesh {__version__}\n"


def test_the_package_itself_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "raymesh", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"raymesh {__version__}\n"


def test_help_shows_the_proof_first(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = capsys.readouterr().out
    assert 0 < told.index("prove it") < told.index("check it") < told.index("make it") < told.index("measure it")
    assert all(name in told for name in COMMANDS)
    assert "exit codes:" in told


@pytest.mark.parametrize("word", ["lint", "generate", "diff"])
def test_a_command_of_ports_is_understood_without_that_word(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([word, "--help"])
    assert f"usage: raymesh ports {word}" in capsys.readouterr().out


def test_a_missing_extra_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("raymesh.commands.audit", "raymesh.commands.clean"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "tenacity", None)
    for module in [name for name in sys.modules if name.startswith("raymesh.") and name != "raymesh.commands.main"]:
        monkeypatch.delitem(sys.modules, module)
    assert main(["ports", "audit", "--ray", "2.60.0"]) == 4
    told = capsys.readouterr().err
    assert "needs tenacity" in told
    assert "pip install 'raymesh[audit]'" in told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("raymesh po", {"ports "}),
        ("raymesh ports lint --gr", {"--group-by "}),
        ("raymesh lint --group-by ", {"auto", "directory", "kustomization", "all"}),
        ("raymesh rule --for", {"--format "}),
    ],
)
def test_a_shell_is_told_how_a_line_could_go_on(line: str, expected: set[str]) -> None:
    environ = os.environ | {
        "_ARGCOMPLETE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    command = f"exec 8>&1; exec {sys.executable} -m raymesh"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environ, capture_output=True, check=True)
    assert set(done.stdout.decode().split("\x0b")) == expected


def test_a_rule_is_explained_from_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "rm005"]) == 0
    assert capsys.readouterr().out.startswith("# RM005: worker range too wide\n")
    assert main(["rule"]) == 0
    assert "RM005  warning  worker range too wide" in capsys.readouterr().out
    assert main(["rule", "RM999"]) == 2
    assert "lists them" in capsys.readouterr().err


def test_rules_and_verdicts_are_explained_by_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "rm005", "v301"]) == 0
    out = capsys.readouterr().out
    assert out.index("# RM005: ") < out.index("# V301: mutual_tls grows at every Ray pod")
    assert "Witnesses: Prometheus, Envoy." in out
    assert main(["explain", "--format", "json", "V501"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["title"]) == ("V501", "plaintext is refused")
    assert main(["explain"]) == 0
    listed = capsys.readouterr().out
    assert all(id_ in listed for id_ in VERDICTS)
    assert main(["explain", "V999"]) == 2
    assert "no rule and no verdict V999" in capsys.readouterr().err
