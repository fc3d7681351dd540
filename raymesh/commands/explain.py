"""`raymesh explain RM017 V301`: the pages of the linter's rules and of a run's verdicts, from the package itself."""

from __future__ import annotations

import argparse
import json

from raymesh.commands.exits import CLEAN
from raymesh.commands.forms import add_format
from raymesh.errors import UsageError
from raymesh.lint import catalog as rules
from raymesh.lint.diagnostics import UNREADABLE, Severity
from raymesh.lint.registry import all_rules
from raymesh.verdicts.catalog import RETIRED, VERDICTS
from raymesh.verdicts.pages import explained

HELP = "explain rules of the linter and verdicts of a run, or list all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as RM005 or V301; without one all are listed")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print pages, or the list; the exit code."""
    known = [UNREADABLE, *all_rules()]
    wanted = [id_.upper() for id_ in arguments.ids]
    for id_ in wanted:
        if id_ in RETIRED:
            raise UsageError(f"{id_} is retired: {RETIRED[id_]}")
        if id_ not in known and id_ not in VERDICTS:
            raise UsageError(
                f"no rule and no verdict {id_}; `raymesh explain` lists them: {known[0]} to {known[-1]}, "
                f"{min(VERDICTS)} to {max(VERDICTS)}"
            )
    if arguments.format == "json":
        print(json.dumps([_fields(id_, bool(wanted)) for id_ in wanted or [*known, *VERDICTS]], indent=2))
    elif wanted:
        print("\n".join(map(_page, wanted)).rstrip())
    else:
        for rule in known:
            print(f"{rule}  {_severity(rule)!s:8} {rules.title(rule)}")
        for verdict in VERDICTS.values():
            print(f"{verdict.id}   {'verdict':8} {verdict.title}")
    return CLEAN


def _page(id_: str) -> str:
    return explained(VERDICTS[id_]) if id_ in VERDICTS else rules.page(id_)


def _severity(rule: str) -> Severity:
    return Severity.ERROR if rule == UNREADABLE else all_rules()[rule].severity


def _fields(id_: str, whole: bool) -> dict[str, str]:
    if id_ in VERDICTS:
        told = {"verdict": id_, "title": VERDICTS[id_].title}
    else:
        told = {"rule": id_, "severity": str(_severity(id_)), "title": rules.title(id_), "url": rules.url(id_)}
    return told | {"page": _page(id_)} if whole else told
