"""istioctl out of its image: by digest where the lane has one, of the lane's version, whole, once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images import istioctl
from raymesh.images.names import Reference
from raymesh.images.remote import Blob, Manifest, Remote, folder
from raymesh.lane import Lane, load_lane
from raymesh.progress import Progress
from tests.registry.pushing import file_layer

DIGEST = "sha256:" + "0123456789abcdef" * 4
NOWHERE = Remote("127.0.0.1:1")  # what is there already is all that can be had


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "raymesh"


def lane(**digests: str) -> Lane:
    return replace(load_lane("seed"), digests=digests)


def image(says: str, digest: str = DIGEST) -> Manifest:
    """An image whose program says that, fetched before."""
    layer = file_layer(istioctl.INSIDE, f"#!/bin/sh\necho 'client version: {says}'\n".encode())
    name = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    (folder() / name.replace(":", "-")).write_bytes(layer)
    config = Blob("sha256:" + "0" * 64, 2)
    return Manifest(Reference("a.example", "istio/istioctl", "1"), digest, config, (Blob(name, len(layer)),))


def test_it_is_taken_out_once_and_where_it_is_pinned_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    made = image(lane().istio)
    [path] = {istioctl.pulled(lane(istioctl=DIGEST), NOWHERE, made, Progress()) for _ in range(2)}
    assert path.read_text().startswith("#!/bin/sh")
    assert capsys.readouterr().err.count("pull istioctl ...") == 1


def test_without_a_digest_every_run_says_so_and_another_digest_is_another_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = image(lane().istio, DIGEST[::-1].removesuffix(":652ahs") + "0")
    paths = [istioctl.pulled(lane(), NOWHERE, made, Progress()) for made in (image(lane().istio), other)]
    assert len(set(paths)) == 2
    assert capsys.readouterr().err.count("not pinned: a.example/istio/istioctl:1") == 2


@pytest.mark.parametrize("says", ["1.2.3", "", "1.21.10"])
def test_another_version_is_refused_and_not_kept(says: str, cache: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"istioctl of a\.example/istio/istioctl:1 says that it is"):
        istioctl.pulled(lane(istioctl=DIGEST), NOWHERE, image(says), Progress())
    assert [path.name for path in (cache / "bin").iterdir()] == ["istioctl.lock"]
