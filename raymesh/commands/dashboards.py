"""`raymesh dashboards`: look at the mesh yourself, as the guide does in its last step, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import threading
from contextlib import ExitStack

from raymesh import stopping
from raymesh.commands.exits import CLEAN
from raymesh.errors import EnvironmentFault, UsageError
from raymesh.mesh.dashboards import TITLES, Opened, opened, subject_of, targets
from raymesh.mesh.found import look
from raymesh.platform import existing, kind
from raymesh.platform.kube import Kube
from raymesh.progress import Progress

HELP = "open Kiali, Jaeger, Prometheus and Ray's dashboard of a cluster, at the guide's own addresses"
EPILOG = """\
Without --context it is the cluster that a run left with --keep-cluster yes. Each dashboard is a port of 127.0.0.1,
the guide's own where it is free. Ctrl-C closes them, and nothing is left.

exit codes: 0 closed by Ctrl-C, 2 wrong usage, 4 the cluster or all of its dashboards can't be reached
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--context", metavar="NAME", help="a context of your kubeconfig")
    where.add_argument("--cluster-name", metavar="NAME", default="raymesh", help="of the cluster that was kept")
    parser.add_argument("--running", metavar="NS/NAME", help="the RayCluster, where there is more than one")


def run(arguments: argparse.Namespace) -> int:
    """Open all that there is, say where, and wait for Ctrl-C."""
    running = _running(arguments.running)
    kube = existing.borrowed(arguments.context) if arguments.context else kind.kept(arguments.cluster_name, Progress())
    stopping.on_signals()
    with ExitStack() as stack:
        try:
            show(stack, kube, running)
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nclosed", flush=True)
    return CLEAN


def _running(text: str | None) -> tuple[str, str] | None:
    namespace, _, name = (text or "").partition("/")
    if text and not (namespace and name):
        raise UsageError(f"--running {text!r}: NAMESPACE/NAME of a RayCluster")
    return (namespace, name) if text else None


def show(stack: ExitStack, kube: Kube, running: tuple[str, str] | None) -> None:
    """Open and print; open as long as `stack`. Raises EnvironmentFault where nothing could be opened."""
    namespace, name = subject_of(kube, running)
    services = json.loads(kube.kubectl("get", "services", "--namespace", namespace, "--output", "json").stdout)["items"]
    found = look(kube)
    there = [opened(stack, kube, target) for target in targets(found, services, namespace, name)]
    if not any(one.url for one in there):
        reasons = [f"{one.name}: {one.problem}" for one in there] + [*found.missing.values()]
        raise EnvironmentFault(
            f"no dashboard of this cluster could be opened: {'; '.join(reasons)}",
            "see whether the pods behind these Services are Running",
        )
    print(f"RayCluster {namespace}/{name}\n")
    for one in there:
        print(told(one), flush=True)
    for what, why in found.missing.items():
        if what in TITLES:
            print(f"{TITLES[what]}\n  not found: {why}\n")
    print("Ctrl-C closes them.", flush=True)


def told(one: Opened) -> str:
    """Return what a person is told of a dashboard."""
    title = TITLES[one.name]
    if not one.url:
        return f"{title}\n  not open: {one.problem}\n"
    if one.problem:
        return f"{title}\n  no pages: {one.problem}\n  its API: {one.api}\n"
    also = [f"  mTLS:  {one.url.replace('tab=info', 'tab=traffic')}"] if one.name == "kiali" else []
    return "\n".join([title, f"  {one.url}", *also, ""])
