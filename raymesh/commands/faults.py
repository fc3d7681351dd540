"""`raymesh faults record.json > docs/faults.md`: the matrix of faults and verdicts, as Markdown."""

from __future__ import annotations

import argparse
from pathlib import Path

from raymesh.evidence.matrix import page
from raymesh.evidence.record import read

HELP = "print the matrix of faults and verdicts of runs as a page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "records",
        type=Path,
        nargs="+",
        metavar="record",
        help="record.json of a run in which faults ran; of a fault that ran in more than one the last is taken",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the page; the exit code."""
    print(page([read(path) for path in arguments.records]), end="")
    return 0
