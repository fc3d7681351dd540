"""`--format`, the same words for every command that prints something to read on."""

from __future__ import annotations

import argparse


def add_format(parser: argparse.ArgumentParser) -> None:
    """Declare `--format text|json`; `--json` is the older word for the latter."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print (text)")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help=argparse.SUPPRESS)
