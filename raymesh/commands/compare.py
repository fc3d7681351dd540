"""`raymesh compare A.json B.json`: what a bump changed; the exit code says whether anything got worse."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from raymesh.commands.exits import CLEAN, FOUND
from raymesh.evidence.compare import as_markdown, as_text, compare
from raymesh.evidence.record import Record, read

HELP = "show what differs between the records of two runs"
EPILOG = """\
examples:
  raymesh compare before/record.json after/record.json
  raymesh compare --format markdown before/record.json after/record.json >> "$GITHUB_STEP_SUMMARY"

exit codes: 1 where a verdict that was green is red or is not asked any more, or one that was not asked is red
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("before", type=Path, help="record.json of the run to compare with")
    parser.add_argument("after", type=Path, help="record.json of the run that has the change")
    parser.add_argument("--format", choices=["text", "markdown", "json"], default="text", help="(default: text)")
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Print what differs; 1 where a verdict, a fault or the whole run got worse."""
    before, after = read(arguments.before), read(arguments.after)
    changes = compare(before, after)
    if arguments.format == "json":
        rows = [asdict(one) for one in changes]
        print(json.dumps({"before": _name(before), "after": _name(after), "changes": rows}, indent=1))
    else:
        write = as_markdown if arguments.format == "markdown" else as_text
        print(write(changes, _name(before), _name(after)), end="")
    return FOUND if any(one.worse for one in changes) else CLEAN


def _name(record: Record) -> str:
    """Return what to call a run: its lane and when it began."""
    return f"{record.lane.name if record.lane else 'no lane'} {record.started}"
