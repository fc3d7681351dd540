"""`raymesh lanes`: the rows of manifests/lanes.yaml, and which versions can be set in their place."""

from __future__ import annotations

import argparse
import json

from raymesh.commands.exits import CLEAN
from raymesh.errors import UsageError
from raymesh.evidence.text import table
from raymesh.images import registry
from raymesh.images.bumping import PROGRAMS, buildable
from raymesh.images.names import checked_registry
from raymesh.lane import Lane, lane_names, load_lane

HELP = "list the lanes: what each pulls, and what serves where images are built"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--format", choices=["text", "json"], default="text", help="(default: text)")
    parser.add_argument("--images", metavar="LANE", help="list the images that this lane pulls, alone")
    parser.add_argument("--registry", metavar="HOST/PATH", help="with --images: and what this mirror has to call each")


def run(arguments: argparse.Namespace) -> int:
    """Print the lanes, or what one pulls; 0."""
    if arguments.images:
        return _images(arguments)
    if arguments.registry:
        raise UsageError("--registry goes with --images LANE: the names are of its images")
    lanes = [load_lane(name) for name in lane_names()]
    if arguments.format == "json":
        told = {lane.name: {"pull": dict(lane.versions), "build": dict(lane.as_built().versions)} for lane in lanes}
        print(json.dumps({"lanes": told, "set": {program: buildable(program) for program in PROGRAMS}}, indent=1))
        return CLEAN
    rows = [(program, *(_both(lane, program) for lane in lanes)) for program in lanes[0].versions]
    print("\n".join(table(("", *(lane.name for lane in lanes)), rows)))
    print("\nA -> B: A is pulled, B is built. What --set PROGRAM=VERSION can have built here:")
    print("\n".join(table(("", "versions"), [(program, " ".join(buildable(program))) for program in PROGRAMS])))
    return CLEAN


def _images(arguments: argparse.Namespace) -> int:
    lane = load_lane(arguments.images)
    mirror = checked_registry(arguments.registry) if arguments.registry else ""
    own, there = registry.published(lane), registry.published(lane, mirror)
    if arguments.format == "json":
        found = {role: {"published": image, "mirror": there[role]} if mirror else image for role, image in own.items()}
        print(json.dumps(found, indent=1))
        return CLEAN
    rows = [(role, image, *([there[role]] if mirror else [])) for role, image in own.items()]
    print("\n".join(table(("", "published", *(["mirror"] if mirror else [])), rows)))
    return CLEAN


def _both(lane: Lane, program: str) -> str:
    built = lane.build.get(program)
    return lane.versions[program] + (f" -> {built}" if built else "")
