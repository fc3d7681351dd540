"""The command `raymesh`. Only what a subcommand needs is imported: linting starts in the blink of an eye."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from raymesh.errors import RaymeshError

FAULT = 2
# Subcommand of `raymesh ports`: the module that has add_arguments(parser) and run(arguments), and what it does.
PORTS = {
    "generate": ("raymesh.ports_generate", "make the headless Service and the rayStartParams for a Ray version"),
    "lint": ("raymesh.lint.cli", "check manifests against the ports that Ray opens"),
}
# Subcommands whose module registers them itself, with add_parsers(subparsers) that sets `run` as a default.
AUDIT_MODULE = "raymesh.audit.cli"
AUDIT = {
    "audit": "start real Ray and report what listens, what crosses nodes and what differs from the contract",
    "diff": "show what a Ray version bump changes in ports and flags",
}
EXAMPLES = """\
examples:
  raymesh ports generate --ray 2.10.0 --name mine > mine.yaml && kubectl apply -f mine.yaml
  raymesh ports generate --ray 2.60.0 --merge cluster.yaml --write
  raymesh ports lint manifests/
  raymesh ports lint manifests/ --fix
  raymesh ports audit --ray 2.60.0
  raymesh ports diff 2.10.0 2.60.0
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser(given).parse_args(given)
        return int(arguments.run(arguments))
    except RaymeshError as error:
        print(f"raymesh: {error}", file=sys.stderr)
        return FAULT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="raymesh", description="Ray inside an Istio mesh: made, checked and proved.")
    groups = parser.add_subparsers(required=True, metavar="COMMAND")
    ports = groups.add_parser(
        "ports",
        help="the ports of a Ray node: generate, lint, audit, diff",
        description="The ports that a Ray node opens, per Ray version: made, checked, measured.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_ports(ports.add_subparsers(required=True, metavar="COMMAND"), given[1] if len(given) > 1 else "")
    return parser


def _add_ports(commands: argparse._SubParsersAction[argparse.ArgumentParser], chosen: str) -> None:
    """Declare all subcommands, but import the module of the chosen one only."""
    for name, (module, about) in PORTS.items():
        command = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if name == chosen:
            implementation = importlib.import_module(module)
            implementation.add_arguments(command)
            command.set_defaults(run=implementation.run)
    if chosen in AUDIT:
        importlib.import_module(AUDIT_MODULE).add_parsers(commands)
    else:
        for name, about in AUDIT.items():
            commands.add_parser(name, help=about)


if __name__ == "__main__":
    sys.exit(main())
