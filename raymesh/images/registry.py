"""Image source `pull`: the published images, by the names that they have in their registries or in a mirror."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from raymesh.errors import UsageError
from raymesh.images.names import architecture, mirrored
from raymesh.images.recipes import fill
from raymesh.lane import Lane
from raymesh.paths import ROOT

IMAGES_FILE = ROOT / "manifests" / "images.yaml"


def _rows() -> Mapping[str, Mapping[str, Any]]:
    rows: Mapping[str, Mapping[str, Any]] = yaml.safe_load(IMAGES_FILE.read_text())
    return rows


def written() -> dict[str, str]:
    """Return role -> image as the manifests name it, of those that they name."""
    return {role: row["written"] for role, row in _rows().items() if "written" in row}


def unchanged() -> dict[str, str]:
    """Return each image that the manifests name as it is named there."""
    return {image: image for image in written().values()}


def published(lane: Lane, mirror: str = "", machine: str = "") -> dict[str, str]:
    """Return role -> published image for an architecture (this machine's), as a mirror (HOST/PATH) names it, if any.

    Raises UsageError where the lane pins the digest of something that is no image.
    """
    rows = _rows()
    if unknown := sorted(lane.digests.keys() - rows.keys()):
        raise UsageError(f"lane {lane.name!r}: digests of {', '.join(unknown)}; images are {', '.join(rows)}")
    machine = machine or architecture()
    found = {role: fill(row["published"].get(machine) or row["published"]["any"], lane) for role, row in rows.items()}
    pinned = {role: f"{image}@{lane.digests[role]}" if role in lane.digests else image for role, image in found.items()}
    return {role: mirrored(image, mirror) for role, image in pinned.items()}
