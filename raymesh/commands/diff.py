"""`raymesh ports diff`: what a Ray version bump changes in ports and flags."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from raymesh.audit.diff import changes
from raymesh.audit.recordings import load
from raymesh.audit.render import table
from raymesh.commands.exits import CLEAN
from raymesh.commands.forms import add_format

HELP = "show what a Ray version bump changes in ports and flags, as measured"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("old", help="a recorded version, such as 2.10.0")
    parser.add_argument("new", help="another one, such as 2.60.0")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what differs between two recorded versions; the exit code."""
    found = changes(load(arguments.old), load(arguments.new))
    if arguments.format == "json":
        print(json.dumps([asdict(change) for change in found], indent=2))
    else:
        rows = [(change.topic, change.subject, change.old or "-", change.new or "-") for change in found]
        print(table(("what", "which", arguments.old, arguments.new), rows))
    return CLEAN
