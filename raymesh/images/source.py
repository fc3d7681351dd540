"""Which images serve a run: published ones or ones made here, and what follows from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from raymesh.errors import EnvironmentFault
from raymesh.images import istioctl, registry
from raymesh.images.workshop import Workshop
from raymesh.lane import Lane
from raymesh.machine.engine import Engine
from raymesh.progress import Progress
from raymesh.settings import Settings

KUBERAY_MODULE = "github.com/ray-project/kuberay/ray-operator"


@dataclass(frozen=True)
class Served:
    """The images of a run. `lane` holds what really serves; `by_role` and `as_written` lead to image names."""

    source: Literal["pull", "build"]
    lane: Lane
    by_role: Mapping[str, str]
    istioctl: Path
    kuberay_module: Path
    key: str = ""  # of the content of images made here

    @property
    def stock_proxy(self) -> bool:
        """Tell whether the sidecar is stock Envoy, and not Istio's own build of it."""
        return self.source == "build"

    @property
    def proxy(self) -> str:
        """Return what to call the sidecar in a report."""
        return f"stock Envoy {self.lane.envoy}" if self.stock_proxy else f"istio-proxy {self.lane.istio}"

    @property
    def headline(self) -> str:
        """Return in a line what served a run; versions that stand in for the lane's are named as such."""
        lane = self.lane
        names = ("kubernetes", "istio", "kuberay", "ray", "kiali", "jaeger", "prometheus")
        versions = [
            f"{name} {getattr(lane, name)}" + (f" (for {lane.replaced[name]})" if name in lane.replaced else "")
            for name in names
        ]
        return f"lane {lane.name}: {', '.join(versions)}; images: {self.source}; proxy: {self.proxy}"

    @property
    def as_written(self) -> dict[str, str]:
        """Return image as the manifests name it -> image that serves."""
        return {written: self.by_role[role] for role, written in registry.written().items()}

    @property
    def made_here(self) -> dict[str, str] | None:
        """Return the images that istioctl has to be told, or None where its own defaults serve."""
        return dict(self.by_role) if self.stock_proxy else None


def serve(settings: Settings, engine: Engine, progress: Progress) -> Served:
    """Choose the source, make what is missing and return what serves.

    Raises EnvironmentFault where the chosen source can't serve here, CommandError where a build fails.
    """
    if _source(settings, engine, progress) == "build":
        lane = settings.lane.as_built()
        workshop = Workshop.open(lane, engine, progress)
        images = workshop.make()
        program, kuberay = workshop.program("istio", "istioctl"), workshop.module("kuberay", KUBERAY_MODULE)
        return Served("build", lane, images, program, kuberay, workshop.key())
    lane = settings.lane
    workshop = Workshop.open(lane, engine, progress)
    return Served(
        "pull",
        lane,
        registry.published(lane),
        istioctl.pulled(lane, engine, progress),
        workshop.module("kuberay", KUBERAY_MODULE),
    )


def _source(settings: Settings, engine: Engine, progress: Progress) -> Literal["pull", "build"]:
    if settings.image_source == "build":
        return "build"
    why = _why_not_pull(settings.lane, engine, progress)
    if not why:
        return "pull"
    if settings.image_source == "pull":
        raise EnvironmentFault(
            f"--image-source pull: {why}", "use --image-source build, or a Docker engine that reaches the registries"
        )
    progress.say(f"images are made here, not pulled: {why}")
    return "build"


def _why_not_pull(lane: Lane, engine: Engine, progress: Progress) -> str:
    if engine.kind == "private":
        return "the private engine has no route off this machine"
    with progress.phase("ask the container registries"):
        silent = registry.silent_registries(lane, engine)
    return f"no image of the lane from {' nor from '.join(silent)}" if silent else ""
