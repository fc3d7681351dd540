"""The command `raymesh` itself: what it knows, and that it says the same as the modules behind it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

import pytest

from raymesh.commands.main import COMMANDS, Command, Group, main


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
    assert capsys.readouterr().out.startswith("raymesh ")
