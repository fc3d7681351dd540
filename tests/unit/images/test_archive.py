"""Images as tar files: read in both forms, written so that an engine takes them, and refused where they are none."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from raymesh.errors import EnvironmentFault, UsageError
from raymesh.images import archive

ARCH = "amd64"
CONFIG = json.dumps({"architecture": ARCH, "os": "linux", "config": {"Labels": {"raymesh.key": "k"}}}).encode()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def layer(name: str, content: bytes, *, zipped: bool = True) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        add(tar, name, content)
    return gzip.compress(made.getvalue()) if zipped else made.getvalue()


LOWER, UPPER = layer("usr/local/bin/tool", b"old"), layer("./usr/local/bin/tool", b"new", zipped=False)


def tar_of(path: Path, parts: Mapping[str, bytes | object]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in parts.items():
            add(tar, name, content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def dockers(**other: bytes | object) -> dict[str, bytes | object]:
    manifest = [{"Config": "c.json", "RepoTags": ["my/operator:pr"], "Layers": ["a/layer.tar", "b/layer.tar"]}]
    return {"c.json": CONFIG, "a/layer.tar": LOWER, "b/layer.tar": UPPER, "manifest.json": manifest} | other


def ocis(*, nested: bool = False, machines: tuple[str, ...] = ()) -> dict[str, bytes | object]:
    def row(content: bytes, **more: Any) -> dict[str, object]:
        return {"digest": f"sha256:{digest(content)}", "size": len(content), **more}

    parts = {f"blobs/sha256/{digest(one)}": one for one in (CONFIG, LOWER, UPPER)}
    manifest = json.dumps({"config": row(CONFIG), "layers": [row(LOWER), row(UPPER)]}).encode()
    parts[f"blobs/sha256/{digest(manifest)}"] = manifest
    rows = [row(manifest, platform={"architecture": machine}) for machine in machines] or [row(manifest)]
    if nested:
        inner = json.dumps({"manifests": rows}).encode()
        parts[f"blobs/sha256/{digest(inner)}"] = inner
        rows = [row(inner)]
    return {**parts, "oci-layout": {}, "index.json": {"manifests": rows}}


@pytest.mark.parametrize(
    "parts", [dockers(), ocis(), ocis(nested=True), ocis(machines=("s390x", ARCH))], ids=["docker", "oci", "in", "many"]
)
def test_both_forms_are_read_and_written_under_another_name(parts: dict[str, object], tmp_path: Path) -> None:
    source = tar_of(tmp_path / "in.tar", parts)
    inside = archive.look(source, ARCH)
    assert (inside.digest, inside.labels, len(inside.layers)) == (f"sha256:{digest(CONFIG)}", {"raymesh.key": "k"}, 2)
    archive.repack(source, ARCH, "localhost/raymesh/given-kiali:1", tmp_path / "out.tar")
    again = archive.look(tmp_path / "out.tar", ARCH)
    assert (again.config, again.layers, again.digest) == (inside.config, inside.layers, inside.digest)
    with tarfile.open(tmp_path / "out.tar") as tar:
        [row] = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]  # it is a file
        assert row["RepoTags"] == ["localhost/raymesh/given-kiali:1"]
        assert "index.json" not in tar.getnames(), "containerd would take the name that stands there"


def test_what_was_fetched_is_packed_as_it_came(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("config", "lower", "upper")]
    for path, content in zip(paths, (CONFIG, LOWER, UPPER), strict=True):
        path.write_bytes(content)
    archive.pack(tmp_path / "out.tar", "a/b:1", paths[0], paths[1:])
    inside = archive.look(tmp_path / "out.tar", ARCH)
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert [tar.extractfile(name).read() for name in inside.layers] == [LOWER, UPPER]  # type: ignore[union-attr]


def test_a_file_is_taken_out_of_the_uppermost_layer_that_has_it(tmp_path: Path) -> None:
    for name, content in (("0", LOWER), ("1", UPPER), ("2", layer("else", b""))):
        (tmp_path / name).write_bytes(content)
    archive.extract([tmp_path / name for name in "012"], "/usr/local/bin/tool", tmp_path / "tool")
    assert (tmp_path / "tool").read_bytes() == b"new"
    assert (tmp_path / "tool").stat().st_mode & 0o111
    with pytest.raises(EnvironmentFault, match="the image has no /usr/bin/none"):
        archive.extract([tmp_path / "0"], "/usr/bin/none", tmp_path / "none")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"readme": b"x"}, "is no image: it has neither manifest.json nor index.json"),
        ({"manifest.json": b"{"}, "manifest.json is not JSON"),
        ({"manifest.json": []}, "holds 0 images, and one is wanted"),
        ({"manifest.json": [{}, {}]}, "holds 2 images, and one is wanted"),
        ({"manifest.json": [{"Config": "c"}]}, "is no image that raymesh reads"),
        ({**dockers(), "c.json": json.dumps({"architecture": "s390x"}).encode()}, "is for s390x, and this machine is"),
        ({name: part for name, part in dockers().items() if name != "b/layer.tar"}, "not whole, it lacks b/layer.tar"),
        (ocis(machines=("s390x",)), "holds 0 images for amd64"),
        (ocis(machines=(ARCH, ARCH)), "holds 2 images for amd64"),
    ],
)
def test_what_is_not_one_whole_image_for_this_machine_is_refused(
    parts: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        archive.look(tar_of(tmp_path / "in.tar", parts), ARCH)


@pytest.mark.parametrize("share", [0, 0.1, 0.3])
def test_a_file_that_was_cut_off_is_refused(share: float, tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "in.tar", dockers()).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UsageError, match=r"cut\.tar"):
        archive.repack(tmp_path / "cut.tar", ARCH, "a:1", tmp_path / "out.tar")
