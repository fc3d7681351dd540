"""`raymesh report record.json`: the report of a run, made from its record anywhere and at any time."""

from __future__ import annotations

import argparse
from pathlib import Path

from raymesh.errors import EnvironmentFault
from raymesh.evidence.html import page
from raymesh.evidence.record import read
from raymesh.evidence.text import report

HELP = "print the report of a run from the record that it left"
PASSED, NOT_PASSED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("record", type=Path, help="record.json, as a run leaves it in its artifacts folder")
    parser.add_argument("--format", choices=("text", "html"), default="text", help="text, or one self-contained page")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there instead of printing it")
    parser.add_argument("--against", type=Path, metavar="RECORD", help="an earlier record: the page says what changed")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the report; 0 where the run passed, 1 where it did not."""
    record = read(arguments.record)
    output: Path | None = arguments.output
    if arguments.format == "html":
        against = read(arguments.against) if arguments.against else None
        text = page(record, against, _beside(arguments.record, output))
    else:
        text = report(record, str(arguments.record.parent))
    if output is None:
        print(text, end="")
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise EnvironmentFault(f"{output} can't be written: {error.strerror}", "name another --output") from error
    return PASSED if record.status == "passed" and not record.wrong else NOT_PASSED


def _beside(record: Path, output: Path | None) -> list[str]:
    """Return the files of the record's folder, to which a page that is written into it may link."""
    folder = record.parent
    if output is None or output.parent.resolve() != folder.resolve():
        return []
    return [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
