"""`raymesh prove`: the suite on a cluster, from a checkout or from an installed package."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from typing import NoReturn

from raymesh.paths import ROOT
from raymesh.settings import OPTIONS

if importlib.util.find_spec("pytest_kind") is None:  # of the extra alone; the command line says how to get it
    raise ModuleNotFoundError("no pytest_kind", name="pytest_kind")

HELP = "prove on a cluster that Ray runs inside the mesh"
EXAMPLES = """\
examples:
  raymesh prove                                     the guide, on a kind cluster that is made for it and removed
  raymesh prove --keep-cluster yes                  the same; the cluster stays, and the next run is faster
  raymesh prove --subject mine/                     your manifests, on such a cluster
  raymesh prove --context prod --running ray/mine   what runs there, as it is: nothing is changed
  raymesh prove --every-fault                       break it in every way that is known
  raymesh prove -- -k mtls                          what stands behind -- is pytest's

It is `pytest -m e2e` of the suite in this package. Evidence and report are written to the folder of --artifacts.

exit codes: 0 proven, 1 not, 2 wrong usage, 3 a manifest of --subject can't be read, 4 the machine is at fault
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of a run, as the suite has them."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--every-fault", action="store_true", help="make every fault that is known")
    parser.add_argument("pytest", nargs="*", metavar="-- PYTEST", help="options for pytest")
    group = parser.add_argument_group("the run")
    for option in OPTIONS:
        told = f"{option.help} (default: {option.default or 'none'}; environment: {option.variable})"
        if option.switch:
            group.add_argument(option.flag, dest=option.destination, action="store_const", const="yes", help=told)
        else:
            action = "append" if option.repeated else "store"
            group.add_argument(option.flag, dest=option.destination, metavar=option.metavar, action=action, help=told)


def run(arguments: argparse.Namespace) -> NoReturn:
    """Become pytest on the suite: what is imported here already it could not rewrite, and signals reach it."""
    mark = "faults" if arguments.every_fault else "e2e"
    # -P: nothing of the folder that somebody stands in is imported. No cache: site-packages is not written to.
    words = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "-p",
        "no:cacheprovider",
        "-m",
        mark,
    ]
    for option in OPTIONS:
        value = getattr(arguments, option.destination)
        if value is not None:
            values = value if option.repeated else [value]
            words += [option.flag] if option.switch else [f"{option.flag}={one}" for one in values]
    sys.stdout.flush()
    os.execv(sys.executable, [*words, *arguments.pytest, str(ROOT / "tests" / mark)])  # noqa: S606 - words, no shell
