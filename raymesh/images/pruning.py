"""What of images and of their parts no lane needs: found by content keys, removed where nobody uses it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from raymesh.errors import CommandError
from raymesh.images import istioctl, remote
from raymesh.images.recipes import REPOSITORY
from raymesh.images.workshop import LABEL, Workshop
from raymesh.lane import Lane
from raymesh.machine.engine import Engine
from raymesh.paths import cache_dir
from raymesh.progress import Progress

LANES = ".lane"  # ends the name of a file that lists the blobs of a lane that was pulled
PRUNE_SECONDS = 600
Say = Callable[[str], None]


@dataclass(frozen=True)
class Needed:
    """What lanes need: images with the key that each has to have, and files below the cache folder."""

    images: dict[str, str]  # name -> key; empty where the name alone says what it holds
    files: frozenset[Path]


def needed(lanes: Sequence[Lane], engine: Engine, progress: Progress) -> Needed:
    """Return what lanes need where images are built, and which blobs of theirs were pulled."""
    images: dict[str, str] = {}
    files: set[Path] = set()
    for lane in lanes:
        workshop = Workshop.open(lane.as_built(), engine, progress)
        images |= workshop.keys()
        files |= workshop.parts()
        listed = remote.folder() / f"{lane.name}{LANES}"
        if listed.exists():
            node, *blobs = listed.read_text().split()
            images[node] = ""
            files |= {listed, *(remote.folder() / name for name in blobs)}
        files |= set((cache_dir() / "bin").glob(f"{istioctl.ROLE}-{lane.istio}-*"))
    return Needed(images, frozenset(files))


def note_pulled(lane: Lane, node: str, manifests: Sequence[remote.Manifest]) -> None:
    """Write down what a lane has pulled: its node's name in the engine, and blobs. The last time counts."""
    blobs = {blob.file.name for one in manifests for blob in (one.config, *one.layers)}
    (remote.folder() / f"{lane.name}{LANES}").write_text("\n".join([node, *sorted(blobs)]))


def prune(need: Needed, engine: Engine, say: Say) -> list[str]:
    """Remove what is not needed, and return what is in use and stays. Whoever calls keeps other runs away.

    In a user's engine only images of raymesh's are looked at; the private one is raymesh's own, and so are its build
    cache and volumes.
    """
    used = [*_images(need, engine, say)]
    if engine.kind == "private":
        for what, words in (("build cache", ("builder", "prune", "--all")), ("volumes", ("volume", "prune", "--all"))):
            freed = engine.docker(*words, "--force", timeout=PRUNE_SECONDS).stdout.strip().splitlines()
            if freed and not freed[-1].endswith(" 0B"):
                say(f"{what} of the private engine: {freed[-1]}")
    for path in _files():
        if path not in need.files:
            size = _size(path)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            say(f"{path} ({_shown(size)})")
    return used


def _images(need: Needed, engine: Engine, say: Say) -> Iterator[str]:
    """Remove images of raymesh's with another name or key than a needed one, or with none; yield what is in use."""
    form = "{{json .}}"
    rows = [
        json.loads(line)
        for words in ((f"reference={REPOSITORY}/*",), ("dangling=true", "--filter", f"label={LABEL}"))
        for line in engine.docker("image", "ls", "--filter", *words, "--format", form).stdout.splitlines()
    ]
    for row in rows:
        named = row["Tag"] != "<none>"
        name = f"{row['Repository']}:{row['Tag']}" if named else row["ID"]
        if named and name in need.images and need.images[name] in ("", _key(engine, name)):
            continue
        try:
            engine.docker("image", "rm", name)
            say(f"image {name} ({row['Size']})")
        except CommandError as error:
            if "being used" not in str(error) and "is using" not in str(error):
                raise
            yield f"image {name}, by a container"


def _key(engine: Engine, name: str) -> str:
    form = '{{index .Config.Labels "' + LABEL + '"}}'
    return engine.docker("image", "inspect", "--format", form, name).stdout.strip()


def _files() -> Iterator[Path]:
    """Yield what image builds and pulls keep below the cache folder, piece by piece."""
    folders = ("bin", "wheels", "debs", "pulled")
    for path in sorted(one for name in folders for one in (cache_dir() / name).glob("*")):
        if path.suffix != ".lock":
            yield path


def _size(path: Path) -> int:
    return sum(one.lstat().st_size for one in ([path] if path.is_file() else path.rglob("*")))


def _shown(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
