"""The command `raymesh`. Only the module of the command that was asked for is imported: linting starts at once."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raymesh import __version__
from raymesh.commands.exits import FAULT, INTERRUPTED, USAGE
from raymesh.errors import RaymeshError, UsageError


@dataclass(frozen=True)
class Command:
    """A module that has HELP, add_arguments(parser) and run(arguments); its help stands here so that it need not be."""

    module: str
    help: str


@dataclass(frozen=True)
class Group:
    """Commands under a word of their own."""

    help: str
    commands: Mapping[str, Command]
    epilog: str = ""


PORTS = Group(
    "the ports of a Ray node, per Ray version: made, checked, measured",
    {
        "generate": Command("generate", "make the headless Service and the rayStartParams for a Ray version"),
        "lint": Command("lint", "check manifests against the ports that Ray opens"),
        "audit": Command(
            "audit", "start real Ray and report what listens, what crosses nodes and what differs from the contract"
        ),
        "diff": Command("diff", "show what a Ray version bump changes in ports and flags, as measured"),
    },
    """\
examples:
  raymesh ports generate --ray 2.10.0 --name mine > mine.yaml && kubectl apply -f mine.yaml
  raymesh ports generate --ray 2.60.0 --merge cluster.yaml --write
  raymesh ports lint manifests/
  raymesh ports lint manifests/ --fix
  raymesh ports audit --ray 2.60.0
  raymesh ports diff 2.10.0 2.60.0
""",
)
COMMANDS: Mapping[str, Command | Group] = {
    "ports": PORTS,
    "clean": Command("clean", "remove what runs left on this machine, however they ended"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser(given).parse_args(given)
        return int(arguments.run(arguments))
    except RaymeshError as error:
        print(f"raymesh: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAULT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="raymesh", description="Ray inside an Istio mesh: made, checked and proved.")
    parser.add_argument("--version", action="version", version=f"raymesh {__version__}")
    _add(parser, COMMANDS, [word for word in given if not word.startswith("-")])
    return parser


def _add(parser: argparse.ArgumentParser, commands: Mapping[str, Command | Group], words: Sequence[str]) -> None:
    """Declare all commands, but import the module of the chosen one only."""
    known = parser.add_subparsers(required=True, metavar="COMMAND")
    chosen, rest = (words[0], words[1:]) if words else ("", ())
    for name, command in commands.items():
        about = f"{command.help[0].upper()}{command.help[1:]}."
        below = known.add_parser(
            name, help=command.help, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if isinstance(command, Group):
            below.epilog = command.epilog
            _add(below, command.commands, rest if name == chosen else ())
        elif name == chosen:
            implementation = importlib.import_module(f"raymesh.commands.{command.module}")
            implementation.add_arguments(below)
            below.set_defaults(run=implementation.run)


if __name__ == "__main__":
    sys.exit(main())
