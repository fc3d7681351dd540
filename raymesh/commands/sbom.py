"""`raymesh sbom` writes what a run is made of, for whoever has to know (CycloneDX 1.5, JSON)."""

from __future__ import annotations

import argparse
import json

from raymesh.images.contents import bill
from raymesh.lane import load_lane

HELP = "write what a run is made of, as a CycloneDX document"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `raymesh sbom`."""
    parser.add_argument("--lane", default="seed", metavar="NAME", help="row of manifests/lanes.yaml (default: seed)")
    parser.add_argument(
        "--image-source", choices=["build", "pull"], default="build", help="which images (default: build)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the document; 0."""
    print(json.dumps(bill(load_lane(arguments.lane), arguments.image_source), indent=2))
    return 0
