"""Images as tar files: read as `docker save` and OCI writers leave them, written as `docker load` and containerd take.

Written is Docker's form: manifest.json, a configuration, layers as they came (github.com/moby/moby image/tarexport and
containerd's images/archive/importer.go both unpack gzip and zstd by what the bytes say).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raymesh.errors import EnvironmentFault, UsageError

MANIFEST, INDEX = "manifest.json", "index.json"
REWRITTEN = {MANIFEST, INDEX, "oci-layout", "repositories"}  # by what says how the image is called
LONGEST_JSON = 4 << 20
CURE = "`docker save IMAGE -o FILE` and `skopeo copy ... oci-archive:FILE` write one"


@dataclass(frozen=True)
class Inside:
    """The one image of a tar file: paths of its parts in there, its configuration, and the digest of that."""

    config: str
    layers: tuple[str, ...]
    digest: str
    labels: Mapping[str, str]


def pack(into: Path, name: str, config: Path, layers: Sequence[Path]) -> None:
    """Write an image of these files, which is called `name`."""
    named = [(f"blobs/sha256/{index:03}.layer", path) for index, path in enumerate(layers)]
    with tarfile.open(into, "w") as tar:
        tar.add(config, "config.json")
        for inside, path in named:
            tar.add(path, inside)
        _write_manifest(tar, name, "config.json", [inside for inside, _ in named])


def repack(source: Path, architecture: str, name: str, into: Path) -> None:
    """Write the image of a tar file anew, called `name`."""
    inside = look(source, architecture)
    with _opened(source) as old, tarfile.open(into, "w") as new:
        for member in old:
            if member.name not in REWRITTEN:
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
        _write_manifest(new, name, inside.config, inside.layers)


def look(path: Path, architecture: str) -> Inside:
    """Return what a tar file holds. Raises UsageError where it is not just one image for linux/`architecture`."""
    with _opened(path) as tar:
        names = set(tar.getnames())
        if MANIFEST in names:
            rows = _json(tar, MANIFEST, path)
            if not isinstance(rows, list) or len(rows) != 1:
                raise UsageError(f"{path} holds {len(rows)} images, and one is wanted; {CURE}")
            config, layers = str(rows[0]["Config"]), tuple(map(str, rows[0]["Layers"]))
        elif INDEX in names:
            manifest = _json(tar, _own(tar, _json(tar, INDEX, path), architecture, path), path)
            config, layers = _at(manifest["config"]), tuple(_at(row) for row in manifest["layers"])
        else:
            raise UsageError(f"{path} is no image: it has neither {MANIFEST} nor {INDEX}; {CURE}")
        if lacking := sorted({config, *layers} - names):
            raise UsageError(f"{path} is not whole, it lacks {', '.join(lacking)}; {CURE}")
        text = _read(tar, config, path)
    told: dict[str, Any] = json.loads(text)
    if told.get("architecture") != architecture:
        raise UsageError(f"{path} is for {told.get('architecture')}, and this machine is {architecture}")
    labels = (told.get("config") or {}).get("Labels") or {}
    return Inside(config, layers, f"sha256:{hashlib.sha256(text).hexdigest()}", labels)


def extract(layers: Sequence[Path], path: str, into: Path) -> None:
    """Write a file of an image; of several layers that have it the uppermost counts. Raises EnvironmentFault."""
    for layer in reversed(layers):
        with tarfile.open(layer) as tar:
            for member in tar:
                if member.name.removeprefix("./").lstrip("/") == path.lstrip("/") and member.isfile():
                    found = tar.extractfile(member)
                    assert found is not None, "a file has content"
                    with into.open("wb") as file:
                        while chunk := found.read(1 << 20):
                            file.write(chunk)
                    into.chmod(0o755)
                    return
    raise EnvironmentFault(f"the image has no {path}", "is it the published one?")


def _own(tar: tarfile.TarFile, index: Mapping[str, Any], architecture: str, path: Path) -> str:
    """Return where the manifest for this machine is; an index may lead to another one."""
    rows = index["manifests"]
    fit = [row for row in rows if (row.get("platform") or {}).get("architecture", architecture) == architecture]
    if len(fit) != 1:
        raise UsageError(f"{path} holds {len(fit)} images for {architecture}, and one is wanted; {CURE}")
    there = _json(tar, _at(fit[0]), path)
    return _own(tar, there, architecture, path) if "manifests" in there else _at(fit[0])


def _at(row: Mapping[str, Any]) -> str:
    kind, _, digest = str(row["digest"]).partition(":")
    return f"blobs/{kind}/{digest}"


def _json(tar: tarfile.TarFile, name: str, path: Path) -> Any:
    try:
        return json.loads(_read(tar, name, path))
    except ValueError as error:
        raise UsageError(f"{path}: its {name} is not JSON: {error}; {CURE}") from None


def _read(tar: tarfile.TarFile, name: str, path: Path) -> bytes:
    try:
        found = tar.extractfile(name)
    except KeyError:
        found = None
    if not found:
        raise UsageError(f"{path} is not whole, it lacks {name}; {CURE}")
    return found.read(LONGEST_JSON)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar file. Raises UsageError where it is none, or ends in the middle."""
    try:
        with tarfile.open(path) as tar:
            yield tar
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UsageError(f"{path} can't be read as a tar file: {error}; {CURE}") from None
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise UsageError(f"{path} is no image that raymesh reads: {error!r}; {CURE}") from None


def _write_manifest(tar: tarfile.TarFile, name: str, config: str, layers: Sequence[str]) -> None:
    text = json.dumps([{"Config": config, "RepoTags": [name], "Layers": list(layers)}]).encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size = len(text)
    tar.addfile(member, io.BytesIO(text))
