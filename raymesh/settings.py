"""One frozen Settings per run: command line over environment over default; versions come from lanes.yaml."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from raymesh.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
LANES_FILE = ROOT / "manifests" / "lanes.yaml"
ImageSource = Literal["auto", "pull", "build"]
IMAGE_SOURCES = ("auto", "pull", "build")
CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


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
    digests: Mapping[str, str] = field(default_factory=dict, repr=False)
    build: Mapping[str, str] = field(default_factory=dict, repr=False)
    replaced: Mapping[str, str] = field(default_factory=dict)

    def as_built(self) -> Lane:
        """Return the lane as image source `build` serves it."""
        serves: dict[str, Any] = dict(self.build)
        return replace(self, **serves, replaced={name: getattr(self, name) for name in self.build})

    @property
    def istio_minor(self) -> tuple[int, int]:
        """Istio's major and minor version, by which its behaviour differs."""
        major, minor = re.findall(r"\d+", self.istio)[:2]
        return int(major), int(minor)


@dataclass(frozen=True)
class Timeouts:
    """Classes of deadlines in seconds, all scaled by one factor."""

    factor: float = 1.0

    @property
    def short(self) -> float:
        """An API call that should answer at once, or an object that appears by itself."""
        return 30 * self.factor

    @property
    def evidence(self) -> float:
        """Traffic sent until a witness shows it: scrape interval, rate window and span flush together."""
        return 300 * self.factor

    @property
    def ready(self) -> float:
        """A pod that starts from an image that is already on the node."""
        return 300 * self.factor

    @property
    def install(self) -> float:
        """A cluster or a control plane that comes up, pulling what it needs."""
        return 600 * self.factor

    @property
    def build(self) -> float:
        """One build step on a cold cache."""
        return 3600 * self.factor


@dataclass(frozen=True)
class Option:
    """One setting a user can give: `--NAME` to pytest, or RAYMESH_NAME in the environment."""

    name: str
    default: str
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def destination(self) -> str:
        return "raymesh_" + self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        return "RAYMESH_" + self.name.upper().replace("-", "_")


OPTIONS = (
    Option("lane", "seed", "NAME", "row of versions from manifests/lanes.yaml"),
    Option("image-source", "auto", "WORD", "auto, pull (published images) or build (made here from packages)"),
    Option("keep-cluster", "no", "yes|no", "leave the cluster running, and reuse one that was left"),
    Option("cluster-name", "raymesh", "NAME", "name of the kind cluster"),
    Option("artifacts", "artifacts", "DIR", "folder for junit.xml, timings.json, raw responses and failure bundles"),
    Option("timeout-factor", "1", "N", "multiply every deadline, for slow machines"),
)


@dataclass(frozen=True)
class Settings:
    """All that a run may be told."""

    lane: Lane
    image_source: ImageSource
    keep_cluster: bool
    cluster_name: str
    artifacts: Path
    timeouts: Timeouts


def cache_dir() -> Path:
    """Folder for what outlives a run: tools, the private engine, Go's build cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "raymesh"


def load_lane(name: str, path: Path = LANES_FILE) -> Lane:
    """Read one row of lanes.yaml. Raises UsageError for an unknown lane or a row that is not whole."""
    rows: Mapping[str, dict[str, Any]] = yaml.safe_load(path.read_text())["lanes"]
    if name not in rows:
        raise UsageError(f"unknown lane {name!r}; lanes.yaml has: {', '.join(sorted(rows))}")
    row = dict(rows[name])
    build, digests = row.pop("build", {}), row.pop("digests", {})
    want = {f.name for f in fields(Lane)} - {"name", "digests", "build", "replaced"}
    if set(row) != want or not set(build) <= want:
        raise UsageError(
            f"lane {name!r} needs the keys {sorted(want)}, has {sorted(row)} and, below build, {sorted(build)}"
        )
    return Lane(name=name, digests=digests, build=build, **row)


def load_settings(given: Callable[[str], str | None], environ: Mapping[str, str] = os.environ) -> Settings:
    """Build Settings; `given(option name)` returns the command line's value or None.

    Raises UsageError that names the option, the bad value and what it takes.
    """
    value = {o.name: given(o.name) or environ.get(o.variable) or o.default for o in OPTIONS}
    source = _one_of("image-source", value["image-source"], IMAGE_SOURCES)
    keep = _one_of("keep-cluster", value["keep-cluster"].lower(), ("yes", "no", "true", "false", "1", "0"))
    if not CLUSTER_NAME.fullmatch(value["cluster-name"]):
        raise UsageError(
            f"--cluster-name {value['cluster-name']!r}: lower-case letters, digits and inner dashes, at most 40"
        )
    try:
        factor = float(value["timeout-factor"])
    except ValueError:
        factor = 0.0
    if not 0.1 <= factor <= 100:  # noqa: PLR2004 - the error says both numbers
        raise UsageError(f"--timeout-factor {value['timeout-factor']!r}: a number from 0.1 to 100")
    return Settings(
        lane=load_lane(value["lane"]),
        image_source=source,  # type: ignore[arg-type]  # _one_of checked it against the same words
        keep_cluster=keep in ("yes", "true", "1"),
        cluster_name=value["cluster-name"],
        artifacts=Path(value["artifacts"]).absolute(),
        timeouts=Timeouts(factor),
    )


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UsageError(f"--{option} {value!r}: one of {', '.join(allowed)}")
    return value
