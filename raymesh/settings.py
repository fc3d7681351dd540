"""One frozen Settings per run: command line over environment over default."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from raymesh.errors import UsageError
from raymesh.lane import Lane, load_lane

ImageSource = Literal["auto", "pull", "build"]
IMAGE_SOURCES = ("auto", "pull", "build")
CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


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
    Option(
        "artifacts",
        "artifacts",
        "DIR",
        "folder for record.json, report.txt, junit.xml, raw answers, failure bundles",
    ),
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
    timeout_factor: float
    given: Mapping[str, str] = field(default_factory=dict, repr=False)  # each option's value, as it was given


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
        timeout_factor=factor,
        given=value,
    )


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UsageError(f"--{option} {value!r}: one of {', '.join(allowed)}")
    return value
