"""Building images goes on where another left it: half a wheel is fetched anew, and one run at a time builds."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from raymesh import deadlines
from raymesh.errors import EnvironmentFault, InUse
from raymesh.images import gobuild
from raymesh.images.workshop import LOCK, Workshop
from raymesh.lane import load_lane
from raymesh.machine import locks
from raymesh.machine.engine import Engine
from raymesh.machine.programs import Completed
from raymesh.paths import cache_dir
from raymesh.progress import Progress

WHEEL = "half-1.0-py3-none-any.whl"


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workshop:
    """A workshop whose engine has no image."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(locks, "_folder", lambda: tmp_path / "locks.d")
    monkeypatch.setattr(gobuild, "go_version", lambda: "go1.26.8")
    monkeypatch.setattr(Engine, "docker", lambda *_, **__: Completed(1, "", "no such image", 0.0))
    return Workshop.open(load_lane("seed").as_built(), Engine("docker", "27", ""), Progress())


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A wheel that pip finds on this machine, and the requirements that pin it."""
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / WHEEL, "w") as archive:
        archive.writestr("half.py", "x = 1\n" * 1000)
        archive.writestr("half-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: half\nVersion: 1.0\n")
        archive.writestr("half-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("half-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    digest = hashlib.sha256((index / WHEEL).read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"half==1.0 --hash=sha256:{digest}\n")
    return index / WHEEL


def test_half_a_wheel_of_a_killed_run_is_fetched_anew(workshop: Workshop, wheel: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    [done] = {workshop._wheels("ray", requirements)}
    (done / WHEEL).unlink()
    half = done.rename(done.with_suffix(".part"))
    (half / WHEEL).write_bytes(wheel.read_bytes()[:100])
    assert workshop._wheels("ray", requirements) == done
    assert (done / WHEEL).read_bytes() == wheel.read_bytes()


def test_a_wheel_that_is_not_what_is_pinned_is_never_kept(workshop: Workshop, wheel: Path, tmp_path: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"more")
    with pytest.raises(EnvironmentFault, match=r"can't fetch the wheels of .*requirements\.txt"):
        workshop._wheels("ray", tmp_path / "requirements.txt")
    assert not [path for path in (cache_dir() / "wheels").iterdir() if path.suffix != ".part"]


@pytest.fixture
def impatient() -> Iterator[None]:
    deadlines.scale_by(1e-4)
    yield
    deadlines.scale_by(1)


@pytest.mark.usefixtures("impatient")
def test_a_second_lane_waits_for_the_first_ones_build_and_says_for_whom(workshop: Workshop) -> None:
    told = StringIO()
    workshop.progress = Progress(told)
    with locks.exclusive(cache_dir() / LOCK), pytest.raises(InUse, match="the building of images is in use by process"):
        workshop.make()
    assert "waiting up to 5400 s for the building of images: in use by process" in told.getvalue()


def test_a_disk_that_is_too_small_for_a_lane_is_told_before_anything_is_made(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raymesh.images.workshop.demand", refused)
    with pytest.raises(EnvironmentFault, match=r"lane seed lacks Go programs of .*kubernetes.*, the node image \(4"):
        workshop.make()
    assert not (cache_dir() / "bin").exists()


def refused(gib: float, what: str) -> None:
    assert gib > 10
    raise EnvironmentFault(what, "free some")
