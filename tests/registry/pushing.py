"""Pushes images to a registry (OCI distribution specification 1.1): small ones made here, or those of an engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from raymesh.images.archive import look
from raymesh.images.names import Reference, architecture
from raymesh.machine.engine import Engine

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
INDEX = "application/vnd.oci.image.index.v1+json"
PUSH_SECONDS = 600


def file_layer(path: str, content: bytes) -> bytes:
    """Return a layer with one file that may be run."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.size, member.mode = len(content), 0o755
        tar.addfile(member, io.BytesIO(content))
    return gzip.compress(made.getvalue(), compresslevel=1, mtime=0)


def config_of(layers: Sequence[bytes], labels: Mapping[str, str], machine: str = "") -> bytes:
    """Return the configuration of an image of these layers."""
    ids = [f"sha256:{hashlib.sha256(gzip.decompress(layer)).hexdigest()}" for layer in layers]
    told: dict[str, Any] = {"architecture": machine or architecture(), "os": "linux", "config": {"Labels": labels}}
    return json.dumps(told | {"rootfs": {"type": "layers", "diff_ids": ids}}).encode()


def of_engine(engine: Engine, name: str, folder: Path) -> tuple[Path, list[Path]]:
    """Take an image out of an engine: the files of its configuration and its layers."""
    tar = folder / "image.tar"
    engine.docker("save", "--output", tar, name, timeout=PUSH_SECONDS)
    inside = look(tar, architecture())
    with tarfile.open(tar) as opened:
        opened.extractall(folder, filter="data")
    tar.unlink()
    return folder / inside.config, [folder / layer for layer in inside.layers]


@dataclass(frozen=True)
class Pusher:
    """Pushes to one registry."""

    host: str
    session: requests.Session

    def push(
        self, image: Reference, layers: Sequence[bytes], labels: Mapping[str, str] | None = None, machine: str = ""
    ) -> str:
        """Push an image of these layers under its tag, or without one where it has none; return its digest."""
        config = self._blob(image, config_of(layers, labels or {}, machine))
        return self._manifest(image, config, [self._blob(image, layer) for layer in layers])

    def push_files(self, image: Reference, config: Path, layers: Sequence[Path]) -> str:
        """Push an image of these files; return its digest."""
        pushed = [self._file(image, layer) for layer in layers]
        return self._manifest(image, self._file(image, config), pushed)

    def push_index(self, image: Reference, digests: Mapping[str, tuple[str, int]]) -> str:
        """Push a list of images by architecture: digest and size of each one's manifest."""
        rows = [
            {
                "mediaType": MANIFEST,
                "digest": digest,
                "size": size,
                "platform": {"os": "linux", "architecture": machine},
            }
            for machine, (digest, size) in digests.items()
        ]
        return self._put(image, INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}).encode())

    def _manifest(self, image: Reference, config: tuple[str, int], layers: Sequence[tuple[str, int]]) -> str:
        def row(kind: str, blob: tuple[str, int]) -> dict[str, object]:
            return {"mediaType": kind, "digest": blob[0], "size": blob[1]}

        doc = {"schemaVersion": 2, "mediaType": MANIFEST, "config": row(CONFIG, config)}
        return self._put(image, MANIFEST, json.dumps({**doc, "layers": [row(LAYER, one) for one in layers]}).encode())

    def _put(self, image: Reference, kind: str, text: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        url = f"https://{self.host}/v2/{image.path}/manifests/{image.tag or digest}"
        self.session.put(url, data=text, headers={"Content-Type": kind}, timeout=PUSH_SECONDS).raise_for_status()
        return digest

    def _blob(self, image: Reference, content: bytes) -> tuple[str, int]:
        return self._upload(image, io.BytesIO(content), hashlib.sha256(content).hexdigest(), len(content))

    def _file(self, image: Reference, path: Path) -> tuple[str, int]:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            return self._upload(image, file, digest, path.stat().st_size)

    def _upload(self, image: Reference, content: Any, digest: str, size: int) -> tuple[str, int]:
        whole = f"sha256:{digest}"
        base = f"https://{self.host}/v2/{image.path}/blobs/"
        if self.session.head(base + whole, timeout=PUSH_SECONDS).status_code != requests.codes.ok:
            begun = self.session.post(base + "uploads/", timeout=PUSH_SECONDS)
            begun.raise_for_status()
            where = requests.compat.urljoin(begun.url, begun.headers["Location"])
            where += ("&" if "?" in where else "?") + f"digest={whole}"
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            self.session.put(where, data=content, headers=headers, timeout=PUSH_SECONDS).raise_for_status()
        return whole, size
