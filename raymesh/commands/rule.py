"""`raymesh rule`: the pages of the linter's rules, from the package itself."""

from __future__ import annotations

import argparse
import json

from raymesh.commands.exits import CLEAN
from raymesh.commands.forms import add_format
from raymesh.errors import UsageError
from raymesh.lint.catalog import page, title, url
from raymesh.lint.diagnostics import UNREADABLE, Severity
from raymesh.lint.registry import all_rules

HELP = "explain a rule of the linter, or list all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("rules", nargs="*", metavar="RULE", help="such as RM005; without one all are listed")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print pages, or the list; the exit code."""
    known = [UNREADABLE, *all_rules()]
    wanted = [rule.upper() for rule in arguments.rules]
    for rule in wanted:
        if rule not in known:
            raise UsageError(f"no rule {rule}; `raymesh rule` lists them, {known[0]} to {known[-1]}")
    if arguments.format == "json":
        print(json.dumps([_fields(rule, bool(wanted)) for rule in wanted or known], indent=2))
    elif wanted:
        print("\n".join(map(page, wanted)).rstrip())
    else:
        for rule in known:
            print(f"{rule}  {_severity(rule)!s:8} {title(rule)}")
    return CLEAN


def _severity(rule: str) -> Severity:
    return Severity.ERROR if rule == UNREADABLE else all_rules()[rule].severity


def _fields(rule: str, whole: bool) -> dict[str, str]:
    told = {"rule": rule, "severity": str(_severity(rule)), "title": title(rule), "url": url(rule)}
    return told | {"page": page(rule)} if whole else told
