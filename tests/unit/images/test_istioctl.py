"""istioctl out of its image: by digest where the lane has one, of the lane's version, whole, once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images import istioctl
from raymesh.images.names import Reference, architecture
from raymesh.images.remote import Blob, Manifest, Registries, Remote, folder
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


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of programs, and nothing else on PATH but the shell; it is a Mac."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    return folder


def test_where_the_image_has_no_program_for_this_system_it_is_the_one_on_path(programs: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"no istioctl on PATH, and this is Darwin\n  cure: put istioctl 1"):
        istioctl.of_lane(lane(), Registries(), image(lane().istio), Progress())
    program = programs / "istioctl"
    program.write_text(f"#!/bin/sh\necho 'client version: {lane().istio}'\n")
    program.chmod(0o755)
    assert istioctl.of_lane(lane(), Registries(), image(lane().istio), Progress()) == program
    program.write_text("#!/bin/sh\necho 'client version: 1.2.3'\n")
    with pytest.raises(EnvironmentFault, match=r"istioctl says that it is client version: 1\.2\.3, and the lane's"):
        istioctl.of_lane(lane(), Registries(), image(lane().istio), Progress())


def test_beside_an_engine_of_another_machine_it_is_this_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def manifest(remote: Remote, reference: Reference) -> Manifest:
        asked.append(remote.machine)
        return replace(image(lane().istio), reference=reference)

    monkeypatch.setattr(Remote, "manifest", manifest)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    elsewhere = Registries(machine="another")
    path = istioctl.of_lane(lane(istioctl=DIGEST), elsewhere, image(lane().istio), Progress())
    assert path.name.startswith(f"istioctl-{lane().istio}")
    assert asked == [architecture()]
