"""`raymesh compact artifacts/record.json > records/NAME.json`: a record in the form that is committed."""

from __future__ import annotations

import argparse
from pathlib import Path

from raymesh.commands.exits import CLEAN
from raymesh.evidence.compact import compact
from raymesh.evidence.record import read, to_json

HELP = "print a run's record in the form that is kept for tables and comparisons"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("record", type=Path, help="record.json of a run that has ended")


def run(arguments: argparse.Namespace) -> int:
    """Print the record; the exit code."""
    print(to_json(compact(read(arguments.record))), end="")
    return CLEAN
