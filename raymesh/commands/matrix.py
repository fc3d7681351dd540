"""`raymesh matrix records/*.json > docs/compatibility.md`: which versions real runs proved together, as Markdown."""

from __future__ import annotations

import argparse
from pathlib import Path

from raymesh.commands.exits import CLEAN
from raymesh.evidence.compatibility import page
from raymesh.evidence.record import read

HELP = "print the table of the versions that runs proved together, from their records"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("records", type=Path, nargs="+", help="records of runs that have ended, compact or whole")


def run(arguments: argparse.Namespace) -> int:
    """Print the page; the exit code."""
    print(page({str(path): read(path) for path in arguments.records}), end="")
    return CLEAN
