"""`raymesh report record.json`: the report of a run, made from its record anywhere and at any time."""

from __future__ import annotations

import argparse
from pathlib import Path

from raymesh.evidence.record import read
from raymesh.evidence.text import report

HELP = "print the report of a run from the record that it left"
PASSED, NOT_PASSED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("record", type=Path, help="record.json, as a run leaves it in its artifacts folder")


def run(arguments: argparse.Namespace) -> int:
    """Print the report; 0 where the run passed, 1 where it did not."""
    record = read(arguments.record)
    print(report(record, str(arguments.record.parent)), end="")
    return PASSED if record.status == "passed" and not record.wrong else NOT_PASSED
