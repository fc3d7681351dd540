"""`raymesh ports diff`: what a bump of Ray or of KubeRay changes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict

from raymesh.audit.diff import Change, kuberay_changes, ray_changes
from raymesh.audit.render import table
from raymesh.commands.exits import CLEAN
from raymesh.commands.forms import add_format
from raymesh.errors import UsageError
from raymesh.ports import Version, parse_version
from raymesh.ports.habits import check_kuberay

HELP = "show what a bump of Ray or of KubeRay changes in ports, flags and Services"
EXAMPLES = """\
examples:
  raymesh ports diff 2.10.0 2.60.0         both recorded: what real Ray was seen to do
  raymesh ports diff 2.47.1 2.48.0         any two: flags and ports, as read from the released wheels
  raymesh ports diff --kuberay 1.1..1.6    Services, probes, labels and defaults of the operator

The last column says how it is known: measured, or read and where.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("versions", nargs="*", metavar="RAY", help="two versions of Ray, such as 2.10.0 2.60.0")
    parser.add_argument("--kuberay", metavar="OLD..NEW", help="two versions of the operator")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what differs between two versions; the exit code."""
    rays = _rays(arguments.versions)
    operators = _operators(arguments.kuberay)
    if not rays and not operators:
        raise UsageError("nothing to compare: two versions of Ray, or --kuberay OLD..NEW")
    found: list[Change] = []
    tables: list[str] = []
    if rays:
        fresh, notes = ray_changes(*rays)
        _say(notes)
        found += fresh
        tables.append(_table(fresh, "Ray", rays))
    if operators:
        _say(note for one in operators if (note := check_kuberay(one)))
        fresh = kuberay_changes(*operators)
        found += fresh
        tables.append(_table(fresh, "KubeRay", operators))
    if arguments.format == "json":
        print(json.dumps([asdict(change) for change in found], indent=2))
    else:
        print("\n\n".join(tables))
    return CLEAN


def _rays(texts: list[str]) -> tuple[Version, Version] | None:
    if not texts:
        return None
    if len(texts) != 2:  # noqa: PLR2004 - an old one and a new one
        raise UsageError(f"{' '.join(texts)}: two versions of Ray, such as 2.10.0 2.60.0")
    return parse_version(texts[0]), parse_version(texts[1])


def _operators(text: str | None) -> tuple[Version, Version] | None:
    if text is None:
        return None
    old, dots, new = text.partition("..")
    try:
        if dots:
            return parse_version(old), parse_version(new)
    except UsageError:
        pass
    raise UsageError(f"--kuberay {text!r}: two versions with two dots between them, such as 1.1..1.6")


def _table(found: list[Change], what: str, versions: tuple[Version, Version]) -> str:
    old, new = (f"{what} {version}" for version in versions)
    if not found:
        return f"{old} and {new} do not differ in what is known of them"
    rows = [(change.topic, change.subject, change.old or "-", change.new or "-", change.known) for change in found]
    return table(("what", "which", old, new, "known"), rows)


def _say(notes: Iterable[str]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
