"""The command `raymesh`. Only the module of the command that was asked for is imported: linting starts at once."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from raymesh import __version__
from raymesh.commands import exits
from raymesh.errors import EnvironmentFault, RaymeshError
from raymesh.frozen import frozen


@frozen
class Command:
    """A module that has HELP, add_arguments(parser) and run(arguments); its help stands here so that it need not be."""

    module: str
    help: str
    extra: str = ""  # of the package, where it imports more than a base install has


@frozen
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
            "audit",
            "start real Ray and report what listens, what crosses nodes and what differs from the contract",
            extra="audit",
        ),
        "posture": Command("posture", "print how each port stood at the end of a run", extra="report"),
        "diff": Command("diff", "show what a bump of Ray or of KubeRay changes in ports, flags and Services"),
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
DESCRIPTION = """\
Ray inside an Istio mesh: proved, checked and made.

  prove it    raymesh prove: the guide, or your manifests, on a real cluster, judged by independent witnesses
  check it    raymesh ports lint [FILE|DIR|-]: manifests against the ports that Ray opens and what a mesh does to them
  make it     raymesh ports generate --ray VERSION: the headless Service and the rayStartParams
  measure it  raymesh ports audit --ray VERSION: real Ray on this machine against the port contract
"""
EPILOG = """\
exit codes:
{codes}

completion: pip install 'raymesh[completion]', then eval "$(register-python-argcomplete raymesh)"
"""
COMMANDS: Mapping[str, Command | Group] = {
    "prove": Command("prove", "prove on a cluster that Ray runs inside the mesh", extra="e2e"),
    "ports": PORTS,
    "report": Command("report", "print the report of a run from the record that it left", extra="report"),
    "lanes": Command("lanes", "list the lanes: what each pulls, and what serves where images are built", extra="e2e"),
    "compare": Command("compare", "show what differs between the records of two runs", extra="report"),
    "compact": Command(
        "compact", "print a run's record in the form that is kept for tables and comparisons", extra="report"
    ),
    "matrix": Command(
        "matrix", "print the table of the versions that runs proved together, from their records", extra="report"
    ),
    "faults": Command("faults", "print the matrix of faults and verdicts of runs as a page", extra="report"),
    "explain": Command("explain", "explain rules of the linter and verdicts of a run, or list all"),
    "preflight": Command(
        "preflight", "say whether a cluster that is there can be used for a proof, and what it lacks", extra="e2e"
    ),
    "dashboards": Command(
        "dashboards",
        "open Kiali, Jaeger, Prometheus and Ray's dashboard of a cluster, at the guide's own addresses",
        extra="e2e",
    ),
    "clean": Command("clean", "remove what runs left on this machine, however they ended", extra="e2e"),
    "sbom": Command("sbom", "write what a run is made of, as a CycloneDX document", extra="e2e"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    if argv is None:  # a program of its own: who asks it to end is heard as Ctrl-C is, and what it started ends with it
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.default_int_handler)
    given = _spelled_out(list(sys.argv[1:] if argv is None else argv))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name that is no text must not end a run
    try:
        if "_ARGCOMPLETE" in os.environ:
            _complete()
        arguments = _parser(given).parse_args(given)
        if not arguments.run:  # no command: whoever asks for nothing is shown what there is, and no script goes on
            arguments.parser.print_help()
            return exits.USAGE
        return int(arguments.run(arguments))
    except RaymeshError as error:
        print(f"raymesh: {error}", file=sys.stderr)
        return exits.of(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FAULT


def _spelled_out(given: list[str]) -> list[str]:
    """`raymesh lint` means `raymesh ports lint`, and so do its siblings; `rule` is the older word for `explain`."""
    if given and given[0] == "rule":
        return ["explain", *given[1:]]
    return ["ports", *given] if given and given[0] in PORTS.commands else given


def _complete() -> None:
    """Answer the shell that asks how a line could go on, and end."""
    import argcomplete  # noqa: PLC0415 - an extra, and nothing that a run should wait for

    program, _, rest = os.environ.get("COMP_LINE", "").partition(" ")
    given = rest.split()
    spelled = _spelled_out(given) if " " in rest else given
    if spelled != given:
        first = " ".join(spelled[: len(spelled) - len(given) + 1])
        line = f"{program} {rest.replace(given[0], first, 1)}"
        os.environ["COMP_POINT"] = str(int(os.environ["COMP_POINT"]) + len(line) - len(os.environ["COMP_LINE"]))
        os.environ["COMP_LINE"] = line
    argcomplete.autocomplete(_parser(spelled))


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="raymesh",
        description=DESCRIPTION,
        epilog=EPILOG.format(codes="\n".join(f"  {code:<4} {told}" for code, told in exits.MEANINGS.items())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"raymesh {__version__}")
    _add(parser, COMMANDS, [word for word in given if not word.startswith("-")])
    return parser


def _add(parser: argparse.ArgumentParser, commands: Mapping[str, Command | Group], words: Sequence[str]) -> None:
    """Declare all commands, but import the module of the chosen one only."""
    parser.set_defaults(run=None, parser=parser)
    known = parser.add_subparsers(metavar="COMMAND")
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
            implementation = _imported(command)
            implementation.add_arguments(below)
            below.set_defaults(run=implementation.run)


def _imported(command: Command) -> ModuleType:
    try:
        return importlib.import_module(f"raymesh.commands.{command.module}")
    except ModuleNotFoundError as error:
        if not command.extra or (error.name or "").partition(".")[0] == "raymesh":
            raise
        cure = f"pip install 'raymesh[{command.extra}]'"
        raise EnvironmentFault(f"this command needs {error.name}, which a base install has not", cure) from error


if __name__ == "__main__":
    sys.exit(main())
