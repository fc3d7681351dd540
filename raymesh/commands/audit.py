"""`raymesh ports audit`: real Ray on this machine against the port contract."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from raymesh import stopping
from raymesh.audit.drills import DRILLS
from raymesh.audit.judge import judge
from raymesh.audit.measure import Plan, audit
from raymesh.audit.recordings import Recording, add, load, recorded_versions, save, summarize
from raymesh.audit.render import as_json, as_text
from raymesh.commands.exits import CLEAN, FOUND, INTERRUPTED
from raymesh.commands.forms import add_format
from raymesh.errors import EnvironmentFault, UsageError
from raymesh.machine import netns
from raymesh.ports import Contract, contract, guide_contract, working_contract
from raymesh.progress import Progress

HELP = "start real Ray and report what listens, what crosses nodes and what differs from the contract"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--ray", required=True, metavar="VERSION", help="the release to audit, such as 2.60.0")
    parser.add_argument(
        "--as-guide", action="store_true", help="hold it against what Ray's guide declares, not `ports generate`"
    )
    parser.add_argument("--serve", action="store_true", help="run a Serve application too")
    add_format(parser)
    parser.add_argument("--loopback", action="store_true", help="one host on this machine's loopback; needs no root")
    parser.add_argument(
        "--start-param", action="append", default=[], metavar="KEY=VALUE", help="one more flag for `ray start`"
    )
    drills = "; ".join(f"{name}: {drill.about}" for name, drill in DRILLS.items())
    parser.add_argument("--drill", choices=DRILLS, metavar="NAME", help=f"make one fault on purpose; {drills}")
    parser.add_argument(
        "--port",
        default="",
        metavar="NAME",
        help="blocked-port: take only this port away; `undeclared`: all that no Service declares",
    )
    parser.add_argument(
        "--record", action="store_true", help="add what is seen to the recording of this version; implies --serve"
    )


def run(arguments: argparse.Namespace) -> int:
    """Audit one version and print what was seen; the exit code."""
    serve = arguments.serve or arguments.record
    made = _contract(arguments, serve)
    stopping.on_signals()
    try:
        return _drill(made, arguments) if arguments.drill else _audit(made, arguments, serve)
    except KeyboardInterrupt:
        print("raymesh: interrupted; all that was started is gone", file=sys.stderr)
        return INTERRUPTED


def _contract(arguments: argparse.Namespace, serve: bool) -> Contract:
    """What `ports generate` makes; a recording shows Ray as it is by itself, its random port included."""
    if arguments.record and arguments.as_guide:
        raise UsageError("--record keeps what Ray does by itself: --as-guide does not go with it")
    make = guide_contract if arguments.as_guide else contract if arguments.record else working_contract
    return make(arguments.ray, serve=serve)


def _audit(made: Contract, arguments: argparse.Namespace, serve: bool) -> int:
    plan = Plan(
        contract=made,
        serve=serve,
        loopback=arguments.loopback or not netns.allowed(),
        extra=dict(_pair(text) for text in arguments.start_param),
    )
    seen = audit(plan, Progress())
    findings = judge(seen, made)
    failed = [finding.subject for finding in findings if finding.kind == "work"]
    if arguments.record and failed:
        print(f"raymesh: not recorded, because some work failed: {', '.join(failed)}", file=sys.stderr)
    elif arguments.record:
        _record(summarize(seen, made))
    print(as_json(seen, findings) if arguments.format == "json" else as_text(seen, findings, made))
    return FOUND if findings else CLEAN


def _drill(made: Contract, arguments: argparse.Namespace) -> int:
    if not netns.allowed():
        raise EnvironmentFault("a drill needs network namespaces", "run as root with iproute2 installed")
    found = []
    for finding in DRILLS[arguments.drill].make(made, arguments.port, Progress()):
        found.append(finding)
        if arguments.format == "text":
            print(f"{finding.subject}: {finding.text}", flush=True)
    if arguments.format == "json":
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    return FOUND if found else CLEAN


def _record(fresh: Recording) -> None:
    if fresh.ray in recorded_versions():
        fresh = add(load(fresh.ray), fresh)
    print(f"recorded run {fresh.runs}: {save(fresh)}", file=sys.stderr)


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found:
        raise UsageError(f"--start-param {text!r}: KEY=VALUE, such as dashboard-grpc-port=6384")
    return key.lstrip("-"), value
