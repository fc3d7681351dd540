"""Image source `pull`: the published images, and whether their registries can be reached at all."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import yaml

from raymesh.errors import CommandError
from raymesh.images.recipes import fill
from raymesh.lane import Lane
from raymesh.machine.engine import Engine
from raymesh.paths import ROOT
from raymesh.stopping import Threads

IMAGES_FILE = ROOT / "manifests" / "images.yaml"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
ANSWER_SECONDS = 20  # a token, then the answer; the slowest counts, not the sum


def _rows() -> Mapping[str, Mapping[str, Any]]:
    rows: Mapping[str, Mapping[str, Any]] = yaml.safe_load(IMAGES_FILE.read_text())
    return rows


def written() -> dict[str, str]:
    """Return role -> image as the manifests name it."""
    return {role: row["written"] for role, row in _rows().items()}


def published(lane: Lane) -> dict[str, str]:
    """Return role -> published image for this machine's architecture."""
    machine = ARCHITECTURES.get(platform.machine(), platform.machine())
    found = {
        role: fill(row["published"].get(machine) or row["published"]["any"], lane) for role, row in _rows().items()
    }
    return {role: f"{image}@{lane.digests[role]}" if role in lane.digests else image for role, image in found.items()}


def silent_registries(lane: Lane, engine: Engine) -> list[str]:
    """Return the registries that do not give the lane's images: each is asked for one of them, all at once."""
    one_of_each = {image.split("/", 1)[0]: image for image in published(lane).values()}
    with Threads(len(one_of_each)) as pool:
        answers = pool.map(lambda image: _answers(image, engine), one_of_each.values())
        return [host for host, answered in zip(one_of_each, answers, strict=True) if not answered]


def _answers(image: str, engine: Engine) -> bool:
    try:
        return engine.docker("manifest", "inspect", image, timeout=ANSWER_SECONDS, check=False).code == 0
    except CommandError:  # no answer in time
        return False
