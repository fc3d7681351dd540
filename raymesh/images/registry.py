"""Image source `pull`: the published images, and whether their registries can be reached at all."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import yaml

from raymesh.engine import Engine
from raymesh.errors import CommandError
from raymesh.images.recipes import fill
from raymesh.settings import ROOT, Lane

IMAGES_FILE = ROOT / "manifests" / "images.yaml"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
ANSWER_SECONDS = 15


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


def registries_answer(lane: Lane, engine: Engine) -> bool:
    """Tell whether the engine reaches every registry of the lane's images, by one image of each."""
    one_of_each = {image.split("/", 1)[0]: image for image in published(lane).values()}
    return all(_answers(image, engine) for image in one_of_each.values())


def _answers(image: str, engine: Engine) -> bool:
    try:
        return engine.docker("manifest", "inspect", image, timeout=ANSWER_SECONDS, check=False).code == 0
    except CommandError:  # no answer in time
        return False
