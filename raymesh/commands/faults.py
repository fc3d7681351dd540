"""`raymesh faults record.json > docs/faults.md`: the matrix of faults and verdicts of one run, as Markdown."""

from __future__ import annotations

import argparse
from pathlib import Path

from raymesh.evidence.matrix import page
from raymesh.evidence.record import read

HELP = "print the matrix of faults and verdicts of a run as a page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("record", type=Path, help="record.json of a run in which faults ran")


def run(arguments: argparse.Namespace) -> int:
    """Print the page; the exit code."""
    print(page(read(arguments.record)), end="")
    return 0
