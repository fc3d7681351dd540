"""`raymesh ports generate`: the command line of the generator."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from raymesh.errors import UsageError
from raymesh.generate.manifests import Plan, as_yaml, check, cluster, service
from raymesh.generate.merging import merge
from raymesh.manifests.reading import read_file
from raymesh.ports.contract import contract
from raymesh.ports.limits import BESIDE_WORKERS, SPARE
from raymesh.ports.model import AppProtocol
from raymesh.ports.versions import OLDEST

_FIRST = 10002
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_PROTOCOLS: dict[str, AppProtocol] = {"grpc": "grpc", "http": "http", "tcp": "tcp"}
EXAMPLES = """\
examples:
  raymesh ports generate --ray 2.10.0 --name raycluster-istio      the guide's Service and RayCluster
  raymesh ports generate --ray 2.60.0 --name big --cpus 32         as many worker ports as 32 CPUs need
  raymesh ports generate --ray 2.60.0 --name big --worker-ports 10002-10060
  raymesh ports generate --name old --port dashboard-grpc-port=6384   fix the port that the guide leaves random
  raymesh ports generate --name mine --protocol worker-ports=tcp      encrypted, but without traces of calls
  raymesh ports generate --ray 2.60.0 --merge cluster.yaml         into your own RayCluster, RayJob or RayService
  raymesh ports generate --ray 2.60.0 --merge cluster.yaml --write
"""


HELP = "make the headless Service and the rayStartParams for a Ray version"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--ray", default=str(OLDEST), metavar="VERSION", help=f"Ray version ({OLDEST})")
    parser.add_argument("--name", help="name of the RayCluster; with --merge the one to change")
    parser.add_argument("--namespace", default="default", help="where it lives (default)")
    parser.add_argument("--cpus", type=int, default=1, metavar="N", help="CPUs of a node (1)")
    parser.add_argument(
        "--worker-ports",
        metavar="N|FIRST-LAST",
        help=f"worker ports of a node, from {_FIRST} on (CPUs + {BESIDE_WORKERS} + {SPARE} spare)",
    )
    parser.add_argument("--port", action="append", default=[], metavar="NAME=NUMBER", help="another number for a port")
    parser.add_argument(
        "--protocol", action="append", default=[], metavar="NAME=grpc|http|tcp", help="another appProtocol for a port"
    )
    parser.add_argument("--merge", metavar="FILE", help="write the ports into this manifest, and print it")
    parser.add_argument("--write", action="store_true", help="with --merge: change the file instead of printing it")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the manifests; notes go to standard error."""
    plan = Plan(
        contract(
            arguments.ray,
            worker_ports=_worker_ports(arguments.worker_ports, arguments.cpus),
            numbers={name: _number(name, value) for name, value in map(_pair, arguments.port)},
            protocols={name: _protocol(name, value) for name, value in map(_pair, arguments.protocol)},
        ),
        name=arguments.name or "raycluster-istio",
        namespace=arguments.namespace,
        cpus=arguments.cpus,
    )
    for note in plan.contract.notes:
        print(f"note: {note}", file=sys.stderr)
    if arguments.write and not arguments.merge:
        raise UsageError("--write goes with --merge FILE")
    if arguments.merge:
        return _merge(Path(arguments.merge), plan, arguments.name, arguments.write)
    check(plan)
    print(as_yaml(service(plan), cluster(plan)), end="")
    return 0


def _merge(path: Path, plan: Plan, name: str | None, write: bool) -> int:
    text = read_file(str(path))
    if not isinstance(text, str):
        raise UsageError(f"{text.place.path}: {text.message}")
    merged = merge(text, plan, name)
    if write:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(merged)
    else:
        print(merged, end="")
    return 0


def _worker_ports(text: str | None, cpus: int) -> range:
    if text is None:
        return range(_FIRST, _FIRST + cpus + BESIDE_WORKERS + SPARE)
    found = _RANGE.fullmatch(text)
    if not found:
        raise UsageError(f"--worker-ports {text!r}: a count such as 11, or a range such as 10002-10012")
    if found[2]:
        return range(int(found[1]), int(found[2]) + 1)
    return range(_FIRST, _FIRST + int(found[1]))


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise UsageError(f"{text!r}: NAME=VALUE")
    return name, value


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > len("65535"):
        raise UsageError(f"--port {name}={text}: a number")
    return int(text)


def _protocol(name: str, text: str) -> AppProtocol:
    if text not in _PROTOCOLS:
        raise UsageError(f"--protocol {name}={text}: one of {', '.join(_PROTOCOLS)}")
    return _PROTOCOLS[text]
