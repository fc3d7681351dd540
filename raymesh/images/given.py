"""One image that is not the lane's: `--image PROGRAM=REF`, out of a tar file, the engine, or a registry.

In the cluster it has a name of raymesh's with its digest in it: no tag such as `latest` makes a node ask a registry for
it, and another build of the same tag is another image.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from raymesh.errors import EnvironmentFault
from raymesh.images import archive, names
from raymesh.images.recipes import REPOSITORY
from raymesh.images.remote import Manifest, Registries, Remote
from raymesh.machine import locks, trust
from raymesh.machine.engine import Engine
from raymesh.stopping import Threads

SCRATCH = "load-"  # begins the name of a folder for a tar file on its way
LOCK = "loads.lock"  # in the cache folder: whoever has such a folder shares it
DIGITS = 12
SAVE_SECONDS = 1800
AT_ONCE = 4  # blobs of an image


@dataclass(frozen=True)
class Load:
    """An image that has to be brought to the engine or to nodes.

    `name` is how they will know it, `digest` what it is, `source` where it is from, for a person. `write` makes a file
    of it that `docker load` and containerd take.
    """

    name: str
    digest: str
    source: str
    labels: Mapping[str, str]
    write: Callable[[Path], None]

    @contextlib.contextmanager
    def file(self) -> Iterator[Path]:
        """Yield the image as a tar file, which is gone in the end."""
        with (
            locks.shared(trust.cache() / LOCK, what="images on their way"),
            tempfile.TemporaryDirectory(dir=trust.cache(), prefix=SCRATCH) as folder,
        ):
            path = Path(folder) / "image.tar"
            self.write(path)
            yield path

    def to_engine(self, engine: Engine) -> None:
        """Let the engine have it."""
        with self.file() as path:
            engine.docker("load", "--input", path, timeout=SAVE_SECONDS)


def find(program: str, ref: str, engine: Engine, registries: Registries) -> Load:
    """Find the image of a REF: a file of that name goes before what the engine has, and that before a registry.

    Raises UsageError where a file is no image, EnvironmentFault where nobody has it.
    """
    path = Path(ref)
    if path.is_file():
        machine = registries.machine
        inside = archive.look(path, machine)
        name = _name(program, inside.digest)
        source = f"{ref}, a file"
        return Load(name, inside.digest, source, inside.labels, lambda into: archive.repack(path, machine, name, into))
    seen = engine.docker("image", "inspect", "--format", "{{json .}}", ref, check=False)
    if seen.code == 0:
        row = json.loads(seen.stdout)
        labels = (row.get("Config") or {}).get("Labels") or {}
        name = _name(program, row["Id"])
        return Load(name, row["Id"], f"{ref}, from the engine", labels, lambda into: _saved(engine, ref, name, into))
    image = names.parse(ref)
    try:
        remote = registries.of(image)
        found = remote.manifest(image)
    except EnvironmentFault as error:
        raise EnvironmentFault(
            f"--image {program}={ref}: there is no such file, the engine has no such image, and {error.cause}",
            error.cure,
        ) from None
    return pulled(remote, found, _name(program, found.digest))


def pulled(remote: Remote, manifest: Manifest, name: str) -> Load:
    """Return an image of a registry as what is brought to the nodes, called `name`."""

    def write(into: Path) -> None:
        image = manifest.reference
        with Threads(AT_ONCE) as pool:
            config, *layers = pool.map(lambda blob: remote.blob(image, blob), (manifest.config, *manifest.layers))
        archive.pack(into, name, config, layers)

    told = remote.config(manifest)
    labels = (told.get("config") or {}).get("Labels") or {}
    return Load(name, manifest.digest, f"{manifest.reference}, from its registry", labels, write)


def of_engine(engine: Engine, name: str) -> Load:
    """Return an image that the engine has, under its own name."""
    return Load(name, "", f"{name}, from the engine", {}, lambda into: _save(engine, name, into))


def _name(program: str, digest: str) -> str:
    return f"{REPOSITORY}/given-{program}:{digest.removeprefix('sha256:')[:DIGITS]}"


def _saved(engine: Engine, ref: str, name: str, into: Path) -> None:
    with contextlib.ExitStack() as stack:
        engine.docker("tag", ref, name)
        stack.callback(engine.docker, "image", "rm", "--no-prune", name)
        _save(engine, name, into)


def _save(engine: Engine, name: str, into: Path) -> None:
    engine.docker("save", "-o", into, name, timeout=SAVE_SECONDS)
