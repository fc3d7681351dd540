"""istioctl of a lane whose images are pulled: taken out of its published image, to run on this machine."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

from raymesh.errors import EnvironmentFault
from raymesh.images import archive
from raymesh.images.names import architecture
from raymesh.images.remote import Manifest, Registries, Remote
from raymesh.lane import Lane
from raymesh.machine import locks, trust
from raymesh.machine.programs import run
from raymesh.progress import Progress

ROLE = "istioctl"  # of manifests/images.yaml, and below a lane's digests
INSIDE = "/usr/local/bin/istioctl"
DIGITS = 12
ANSWER_SECONDS = 60
VERSION = re.compile(r"[\w.+-]*\d[\w.+-]*")


def of_lane(lane: Lane, registries: Registries, manifest: Manifest, progress: Progress) -> Path:
    """Return the program for this machine: out of the image, or where that has none for this system, from PATH.

    `manifest` is the image's for the engine's machine, which may be another one. Raises EnvironmentFault.
    """
    if platform.system() != "Linux":
        return on_path(lane)
    if registries.machine != architecture():
        registries = Registries(registries.host, registries.ca)
        manifest = registries.of(manifest.reference).manifest(manifest.reference)
    return pulled(lane, registries.of(manifest.reference), manifest, progress)


def on_path(lane: Lane) -> Path:
    """Return the program that is on PATH. Raises EnvironmentFault where there is none, or one of another version."""
    found = shutil.which("istioctl")
    cure = f"put istioctl {lane.istio} on PATH: the published image has a program for Linux alone"
    if not found:
        raise EnvironmentFault(f"there is no istioctl on PATH, and this is {platform.system()}", cure)
    said, versions = _said(Path(found))
    if lane.istio not in versions:
        raise EnvironmentFault(f"{found} says that it is {said}, and the lane's Istio is {lane.istio}", cure)
    return Path(found)


def pulled(lane: Lane, remote: Remote, manifest: Manifest, progress: Progress) -> Path:
    """Return the program, from the cache or out of the image; it has to be of the lane's version by its own word.

    A lane without a digest says so at every run: this program is trusted as far as its registry is.
    """
    if ROLE not in lane.digests:
        progress.say(
            f"not pinned: {manifest.reference}, whose program runs on this machine (lane {lane.name}, digests, {ROLE})"
        )
    folder = trust.folder(trust.cache() / "bin")
    with locks.exclusive(folder / "istioctl.lock", what="istioctl", say=progress.say):
        done = folder / f"istioctl-{lane.istio}-{manifest.digest.removeprefix('sha256:')[:DIGITS]}"
        if not done.exists():
            part = done.with_name(f"{done.name}.part")
            with progress.phase("pull istioctl"):
                layers = [remote.blob(manifest.reference, blob) for blob in manifest.layers]
                archive.extract(layers, INSIDE, part)
                _check(part, lane.istio, str(manifest.reference))
                part.rename(done)
        trust.check(done)
    return done


def _check(program: Path, version: str, image: str) -> None:
    """Ask a program for its version, once. Raises EnvironmentFault where it is another than the lane's."""
    said, found = _said(program)
    if version not in found:
        program.unlink()
        raise EnvironmentFault(
            f"istioctl of {image} says that it is {said}, and the lane's Istio is {version}",
            "ask who runs that registry, or `--set istio=` what it has",
        )


def _said(program: Path) -> tuple[str, list[str]]:
    """Return what the program says of itself, and the versions in that."""
    said = run([program, "version", "--remote=false"], timeout=ANSWER_SECONDS).stdout
    return " ".join(said.split()), VERSION.findall(said.replace("client version:", ""))
