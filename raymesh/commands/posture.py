"""`raymesh ports posture record.json`: each port by role, as a run saw it: declared, listens, mTLS, traced, refused."""

from __future__ import annotations

import argparse
from pathlib import Path

from raymesh.commands.exits import CLEAN, FOUND
from raymesh.evidence.posture import as_text, wrong
from raymesh.evidence.record import read

HELP = "print how each port stood at the end of a run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("record", type=Path, help="record.json, as a run leaves it in its artifacts folder")


def run(arguments: argparse.Namespace) -> int:
    """Print the table; 1 where a port is not as it should be."""
    record = read(arguments.record)
    print(as_text(record), end="")
    ports = record.sights.ports if record.sights else ()
    return FOUND if any(wrong(port) for port in ports) else CLEAN
