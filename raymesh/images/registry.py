"""Image source `pull`: the published images, and whether their registries can be reached at all."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import requests
import yaml

from raymesh.images.recipes import fill
from raymesh.settings import ROOT, Lane

IMAGES_FILE = ROOT / "manifests" / "images.yaml"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
ANSWER_SECONDS = 5


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


def registries_answer(lane: Lane) -> bool:
    """Tell whether every registry of the lane's images answers."""
    hosts = {image.split("/", 1)[0] for image in published(lane).values()}
    return all(_answers("registry-1.docker.io" if host == "docker.io" else host) for host in hosts)


def _answers(host: str) -> bool:
    try:
        # 401 is an answer too: it asks for the anonymous token that the engine fetches by itself.
        return requests.get(f"https://{host}/v2/", timeout=ANSWER_SECONDS).status_code in (200, 401)
    except requests.RequestException:
        return False
