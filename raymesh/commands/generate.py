"""`raymesh ports generate`: the command line of the generator."""

from __future__ import annotations

import argparse
import re
import sys

from raymesh.errors import InputUnread, UsageError
from raymesh.generate.manifests import FIRST_WORKER_PORT, Plan, as_yaml, check, cluster, service, worker_range
from raymesh.generate.merging import Wishes, merge
from raymesh.manifests.reading import STDIN, is_there, read_file
from raymesh.manifests.writing import as_diff, replace_files
from raymesh.ports import Contract, guide_contract, working_contract
from raymesh.ports.habits import check_kuberay
from raymesh.ports.limits import BESIDE_WORKERS, SPARE
from raymesh.ports.model import AppProtocol
from raymesh.ports.versions import OLDEST, Version, parse_version

_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_PROTOCOLS: dict[str, AppProtocol] = {"grpc": "grpc", "http": "http", "tcp": "tcp"}
_MOST_CPUS = 1024
EXAMPLES = """\
examples:
  raymesh ports generate --ray 2.60.0 --name mine                  headless Service and RayCluster
  raymesh ports generate --ray 2.60.0 --name big --cpus 32         as many worker ports as 32 CPUs need
  raymesh ports generate --ray 2.60.0 --name big --worker-ports 10002-10060
  raymesh ports generate --ray 2.60.0 --name mine --kuberay 1.6    no more than this operator needs
  raymesh ports generate --name mine --protocol worker-ports=tcp   encrypted, but without traces of calls
  raymesh ports generate --ray 2.10.0 --as-guide                   the manifests of Ray's guide, port by port
  raymesh ports generate --merge cluster.yaml                      into your own RayCluster, RayJob or RayService
  raymesh ports generate --merge cluster.yaml --diff               what that would change
  raymesh ports generate --merge cluster.yaml --write
"""


HELP = "make the headless Service and the rayStartParams for a Ray version"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--ray", metavar="VERSION", help=f"Ray version ({OLDEST}; with --merge the one that the manifest says)"
    )
    parser.add_argument(
        "--kuberay", metavar="VERSION", help="version of the operator; without it what is made works with all of them"
    )
    parser.add_argument("--name", help="name of the RayCluster; with --merge the one to change")
    parser.add_argument("--namespace", help="where it lives (default; with --merge the one that the manifest says)")
    parser.add_argument(
        "--cpus",
        type=int,
        metavar="N",
        help="CPUs of a node (1; with --merge the most that a group has)",
    )
    parser.add_argument(
        "--worker-ports",
        metavar="N|FIRST-LAST",
        help=f"worker ports of a node, from {FIRST_WORKER_PORT} on (CPUs + {BESIDE_WORKERS} + {SPARE} spare)",
    )
    parser.add_argument("--port", action="append", default=[], metavar="NAME=NUMBER", help="another number for a port")
    parser.add_argument(
        "--protocol", action="append", default=[], metavar="NAME=grpc|http|tcp", help="another appProtocol for a port"
    )
    parser.add_argument("--as-guide", action="store_true", help="as Ray's guide has it, what it gets wrong included")
    parser.add_argument("--merge", metavar="FILE", help="write the ports into this manifest, and print it")
    parser.add_argument("--write", action="store_true", help="with --merge: change the file instead of printing it")
    parser.add_argument("--diff", action="store_true", help="with --merge: print what would change instead")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the manifests; notes go to standard error."""
    wishes = _wishes(arguments)
    if arguments.merge is None:
        if arguments.write or arguments.diff:
            raise UsageError(f"--{'write' if arguments.write else 'diff'} goes with --merge FILE")
        return _make(arguments, wishes)
    if arguments.as_guide:
        raise UsageError("--as-guide makes manifests of its own: it does not go with --merge")
    return _merge(arguments, wishes)


def _wishes(arguments: argparse.Namespace) -> Wishes:
    if arguments.cpus is not None and not 1 <= arguments.cpus <= _MOST_CPUS:
        raise UsageError(f"--cpus {arguments.cpus}: a whole number from 1 to {_MOST_CPUS}")
    return Wishes(
        ray=_version("ray", arguments.ray),
        kuberay=_version("kuberay", arguments.kuberay),
        namespace=arguments.namespace,
        cpus=arguments.cpus,
        worker_ports=_worker_ports(arguments.worker_ports),
        numbers={name: _number(name, value) for name, value in (_pair("port", text) for text in arguments.port)},
        protocols={
            name: _protocol(name, value) for name, value in (_pair("protocol", text) for text in arguments.protocol)
        },
    )


def _make(arguments: argparse.Namespace, wishes: Wishes) -> int:
    cpus = wishes.cpus or 1
    plan = Plan(
        _contract(wishes, cpus, arguments.as_guide),
        name=arguments.name or "raycluster-istio",
        namespace=wishes.namespace if wishes.namespace is not None else "default",
        cpus=cpus,
        as_guide=arguments.as_guide,
    )
    newer = check_kuberay(wishes.kuberay) if wishes.kuberay else ""
    _say((*plan.contract.notes, *([newer] if newer else [])))
    check(plan)
    print(as_yaml(service(plan), cluster(plan)), end="")
    return 0


def _contract(wishes: Wishes, cpus: int, as_guide: bool) -> Contract:
    ray, ports = wishes.ray or OLDEST, wishes.worker_ports or worker_range(cpus)
    if as_guide:
        return guide_contract(ray, worker_ports=ports, numbers=wishes.numbers, protocols=wishes.protocols)
    return working_contract(ray, wishes.kuberay, worker_ports=ports, numbers=wishes.numbers, protocols=wishes.protocols)


def _merge(arguments: argparse.Namespace, wishes: Wishes) -> int:
    path = arguments.merge
    if path == STDIN and arguments.write:
        raise UsageError("--write can't change standard input: leave it out, and the result is printed")
    if arguments.write and arguments.diff:
        raise UsageError("--write changes the file, --diff only says how: one of them")
    text = read_file(path)
    if not isinstance(text, str):
        raise (InputUnread if is_there(path) else UsageError)(f"--merge {text}")
    merged = merge(text, wishes, arguments.name, path)
    _say(merged.notes)
    if arguments.write:
        replace_files({path: text}, {path: merged.text})
    elif arguments.diff:
        print(as_diff({path: text}, {path: merged.text}), end="")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(merged.text.encode())  # as it would be written: the terminal's encoding has no say
    return 0


def _say(notes: tuple[str, ...]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _version(option: str, text: str | None) -> Version | None:
    if text is None:
        return None
    try:
        return parse_version(text)
    except UsageError as error:
        raise UsageError(f"--{option} {text!r}: a release such as 2.10.0") from error


def _worker_ports(text: str | None) -> range | None:
    if text is None:
        return None
    found = _RANGE.fullmatch(text)
    if not found:
        raise UsageError(f"--worker-ports {text!r}: a count such as 11, or a range such as 10002-10012")
    if found[2]:
        return range(int(found[1]), int(found[2]) + 1)
    return range(FIRST_WORKER_PORT, FIRST_WORKER_PORT + int(found[1]))


def _pair(option: str, text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise UsageError(f"--{option} {text!r}: NAME=VALUE")
    return name, value


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > len("65535"):
        raise UsageError(f"--port {name}={text}: a number")
    return int(text)


def _protocol(name: str, text: str) -> AppProtocol:
    if text not in _PROTOCOLS:
        raise UsageError(f"--protocol {name}={text}: one of {', '.join(_PROTOCOLS)}")
    return _PROTOCOLS[text]
