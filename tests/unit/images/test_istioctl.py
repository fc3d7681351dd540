"""istioctl out of its image: by digest where the lane has one, whole, once, and with nothing left of the container."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.errors import CommandError
from raymesh.images import istioctl
from raymesh.lane import Lane, load_lane
from raymesh.machine.engine import Engine
from raymesh.progress import Progress

DOCKER = """#!/bin/sh
echo "$@" >> $CALLS
case $1 in
create) echo container ;;
ps) echo $LEFT ;;
cp) [ -z "$CP_FAILS" ] || { echo half > $3; exit 1; }; echo program > $3 ;;
esac
"""
ENGINE = Engine("docker", "27.1", "127.0.0.1")
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "calls"


def lane(**digests: str) -> Lane:
    return replace(load_lane("seed"), digests=digests)


def test_it_is_taken_out_once_by_its_digest_and_without_a_word(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {istioctl.pulled(lane(istioctl=DIGEST), ENGINE, Progress()) for _ in range(2)}
    [path] = found
    assert path.read_text() == "program\n"
    image = f"docker.io/istio/istioctl:{lane().istio}@{DIGEST}"
    asked = f"ps --all --quiet --filter label={istioctl.SCRATCH_LABEL}"
    assert calls.read_text().splitlines() == [
        asked,
        f"create --label {istioctl.SCRATCH_LABEL}=istioctl {image}",
        f"cp container:/usr/local/bin/istioctl {path}.part",
        "rm container",
        asked,
    ]
    assert "not pinned" not in capsys.readouterr().err


@pytest.mark.usefixtures("calls")
def test_without_a_digest_every_run_says_so_and_another_digest_is_another_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [istioctl.pulled(lane(**digests), ENGINE, Progress()) for digests in ({}, {}, {"istioctl": DIGEST})]
    assert len(set(paths)) == 2
    assert capsys.readouterr().err.count("not pinned: docker.io/istio/istioctl:") == 2


def test_a_copy_that_fails_leaves_neither_a_program_nor_a_container(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CP_FAILS", "yes")
    with pytest.raises(CommandError, match="docker cp"):
        istioctl.pulled(lane(istioctl=DIGEST), ENGINE, Progress())
    assert calls.read_text().splitlines()[-1] == "rm container"
    monkeypatch.delenv("CP_FAILS")
    assert istioctl.pulled(lane(istioctl=DIGEST), ENGINE, Progress()).read_text() == "program\n"


def test_what_a_killed_run_left_of_its_container_goes_with_the_next(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEFT", "old")
    istioctl.pulled(lane(istioctl=DIGEST), ENGINE, Progress())
    assert calls.read_text().splitlines()[1] == "rm old"
