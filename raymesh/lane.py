"""A lane: one row of versions that belong together, read from manifests/lanes.yaml, the only place that has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from raymesh.errors import UsageError
from raymesh.paths import ROOT

LANES_FILE = ROOT / "manifests" / "lanes.yaml"
NO_VERSIONS = {"name", "digests", "build", "replaced"}  # fields of a lane that are not a program's version


@dataclass(frozen=True)
class Lane:
    """One pinned row of versions that belong together (manifests/lanes.yaml).

    `replaced` is not empty where images are built and a registry does not offer what the lane pins: it holds
    name -> the version that the lane asks for, while the field of that name holds what serves instead.
    """

    name: str
    kubernetes: str
    istio: str
    kuberay: str
    ray: str
    python: str
    kiali: str
    jaeger: str
    prometheus: str
    envoy: str
    etcd: str
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    build: Mapping[str, str] = field(default_factory=dict, repr=False)
    replaced: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> Mapping[str, str]:
        """The version that serves, by program."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in NO_VERSIONS}

    def as_built(self) -> Lane:
        """Return the lane as image source `build` serves it."""
        serves: dict[str, Any] = dict(self.build)
        return replace(self, **serves, replaced={name: getattr(self, name) for name in self.build})

    @property
    def istio_minor(self) -> tuple[int, int]:
        """Istio's major and minor version, by which its behaviour differs."""
        major, minor = re.findall(r"\d+", self.istio)[:2]
        return int(major), int(minor)


def load_lane(name: str, path: Path = LANES_FILE) -> Lane:
    """Read one row of lanes.yaml. Raises UsageError for an unknown lane or a row that is not whole."""
    rows: Mapping[str, dict[str, Any]] = yaml.safe_load(path.read_text())["lanes"]
    if name not in rows:
        raise UsageError(f"unknown lane {name!r}; lanes.yaml has: {', '.join(sorted(rows))}")
    row = dict(rows[name])
    build, digests = row.pop("build", {}), row.pop("digests", {})
    want = {one.name for one in fields(Lane)} - NO_VERSIONS
    if set(row) != want or not set(build) <= want:
        raise UsageError(
            f"lane {name!r} needs the keys {sorted(want)}, has {sorted(row)} and, below build, {sorted(build)}"
        )
    return Lane(name=name, digests=digests, build=build, **row)


def lane_names(path: Path = LANES_FILE) -> list[str]:
    """Return the names of all lanes, in the order of the file."""
    return list(yaml.safe_load(path.read_text())["lanes"])
