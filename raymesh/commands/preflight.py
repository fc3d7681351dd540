"""`raymesh preflight`: can it be proven on that cluster, and if not, what has to be done first."""

from __future__ import annotations

import argparse

from raymesh.commands.exits import CLEAN, FOUND
from raymesh.mesh import preflight
from raymesh.mesh.found import look
from raymesh.platform import existing
from raymesh.settings import OPTIONS, load_settings
from raymesh.subject import placing
from raymesh.subject.wanted import Around, read, wanted_of

HELP = "say whether a cluster that is there can be used for a proof, and what it lacks"
TAKEN = (
    *("context", "running", "subject", "namespace", "without", "sampling"),
    *("kiali", "jaeger", "prometheus", "kiali-token", "jaeger-token", "prometheus-token", "witness-ca"),
)
EPILOG = """\
Without --running it is asked whether manifests can be proven there, in a namespace that raymesh makes; with it, whether
what runs can be looked at. --subject need not be given: with it, the Namespaces of the manifests are looked at, too.
Nothing is changed. Options and variables are those of `pytest -m e2e`.

exit codes: 0 it can, 1 something is missing, 2 wrong usage, 4 the cluster can't be reached
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options: those of a run on a borrowed cluster."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    for option in OPTIONS:
        if option.name in TAKEN:
            parser.add_argument(
                option.flag,
                dest=option.destination,
                metavar=option.metavar,
                required=option.name == "context",
                help=option.help,
            )


def run(arguments: argparse.Namespace) -> int:
    """Print a line a check, and its cure where it will not do; 1 where one will not."""
    given = {option.name: getattr(arguments, option.destination, None) for option in OPTIONS}
    texts = read(words) if (words := [one for one in (given["subject"] or "").split(",") if one]) else {}
    if not given["running"]:
        given["subject"] = given["subject"] or "-"  # of some manifests
    settings = load_settings(given.get, {})
    enforced = placing.enforced(wanted_of(texts, Around()).docs) if texts else {}
    kube = existing.borrowed(settings.context)
    found = look(kube, given=settings.addresses, without=settings.without)
    asked = preflight.Asked(
        mode="look" if settings.running else "prove",
        namespace=settings.running[0] if settings.running else settings.namespace,
        addresses=settings.addresses,
        tokens=settings.tokens,
        ca=settings.witness_ca,
        without=settings.without,
        sampling=settings.sampling,
        enforced=enforced,
    )
    made = []
    for check in preflight.checks(kube, found, asked):
        made.append(check)
        print(f"{'ok' if check.ok else 'FAILED':<6}  {check.name}: {check.seen}", flush=True)
        if not check.ok:
            print(f"        cure: {check.cure}", flush=True)
    lacking = preflight.failed(made)
    print(f"\n{len(made)} checks, {len(lacking)} failed" if lacking else f"\n{len(made)} checks: it can be proven here")
    return FOUND if lacking else CLEAN
