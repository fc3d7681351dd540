"""The clean-up: what it removes, in which order, what it says, and when it refuses."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from raymesh.audit import hosts
from raymesh.commands import clean
from raymesh.commands.main import main
from raymesh.errors import EnvironmentFault
from raymesh.machine import engine as engines
from raymesh.machine import locks, netns, owned, ownership
from raymesh.machine.engine import Engine
from raymesh.platform import kind

USERS = Engine("docker", "27.1", "127.0.0.1")
PRIVATE = Engine("private", "26.1", "10.213.0.2")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[str]]:
    """A machine without any of ours, whose clusters and traces a test may fill in."""
    left: dict[str, list[str]] = {"docker": [], "private": [], "traces": [], "ended": []}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(locks, "_folder", lambda: tmp_path / "locks.d")
    monkeypatch.setattr(engines, "OLD_USERS_LOCK", tmp_path / "old-lock")
    monkeypatch.setattr(ownership, "orphans", dict)
    monkeypatch.setattr(netns, "present", list)
    monkeypatch.setattr(hosts, "remove_stale", lambda: None)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "programs").mkdir()
    client = tmp_path / "programs" / "docker"
    client.write_text('#!/bin/sh\n[ "$1" = ps ] && cat $CONTAINERS; exit 0\n')
    client.chmod(0o755)
    monkeypatch.setenv("CONTAINERS", "/dev/null")
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(engines, "users_engine", lambda: USERS)
    monkeypatch.setattr(engines, "holds_containers", lambda: bool(left["private"]))
    monkeypatch.setattr(engines, "running", lambda _: None)
    monkeypatch.setattr(engines, "started", lambda _: PRIVATE)
    monkeypatch.setattr(engines, "private_traces", lambda: list(left["traces"]))
    monkeypatch.setattr(engines, "remove_private", left["traces"].clear)
    monkeypatch.setattr(kind, "ours", lambda engine: list(left[engine.kind]))
    monkeypatch.setattr(kind, "remove", lambda name, engine, _: left[engine.kind].remove(name))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return left


def test_nothing_left_is_said_and_is_no_failure(
    machine: dict[str, list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == "nothing of raymesh is left here\n"
    assert [path.name for path in tmp_path.iterdir()] == ["programs"], "looking makes nothing"
    assert not any(machine.values())


def test_clusters_of_both_engines_go_and_then_the_private_engine(
    machine: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    machine |= {"docker": ["raymesh"], "private": ["a", "b"]}
    machine["traces"].append("engine process 7")
    assert main(["clean"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "removed: cluster raymesh",
        "removed: cluster a",
        "removed: cluster b",
        "removed: private engine: engine process 7",
    ]
    assert not any(machine.values())


def test_a_step_that_fails_does_not_keep_the_others_from_their_work(
    machine: dict[str, list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Engine:
        raise EnvironmentFault("the engine does not start", "look at it")

    machine["private"].append("a")
    machine["traces"].append("network namespace raymesh")
    monkeypatch.setattr(engines, "started", broken)
    assert main(["clean"]) == 1
    said = capsys.readouterr()
    assert "clean-up: the engine does not start\n  cure: look at it" in said.err
    assert said.out == "removed: private engine: network namespace raymesh\n"


def test_what_a_run_uses_right_now_is_left_alone_and_the_rest_goes(
    machine: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    machine |= {"docker": ["used", "left"], "private": ["a"]}
    machine["traces"].append("engine process 7")
    with locks.exclusive(kind.lock("used")), locks.shared(locks.of_machine(engines.USERS)):
        assert main(["clean"]) == 1
    said = capsys.readouterr()
    me = f"in use by process {os.getpid()} of "
    assert f"clean-up: the cluster used is {me}" in said.err
    assert f"clean-up: the private engine is {me}" in said.err
    assert said.err.count("cure: wait until that ends, or end it") == 2
    assert said.out == "removed: cluster left\n"
    assert (machine["docker"], machine["private"]) == (["used"], ["a"])


@pytest.mark.parametrize("lock", ["in-use.lock", "workshop.lock"])
def test_caches_that_a_run_uses_right_now_stay(
    machine: dict[str, list[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path, lock: str
) -> None:
    (tmp_path / "raymesh" / "context-abc").mkdir(parents=True, mode=0o700)
    with locks.shared(tmp_path / "raymesh" / lock):
        assert main(["clean", "--caches"]) == 1
    assert f"the cache folder {tmp_path / 'raymesh'} is in use by process {os.getpid()}" in capsys.readouterr().err
    assert (tmp_path / "raymesh" / "context-abc").is_dir()
    assert not any(machine.values())


def test_the_data_of_an_engine_that_can_not_be_ended_stays(
    machine: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raymesh").mkdir(mode=0o700)
    machine["traces"].append("engine process 7")
    monkeypatch.setattr(engines, "remove_private", lambda: None)
    monkeypatch.setattr(clean, "GONE_SECONDS", 0.1)
    assert main(["clean", "--caches"]) == 1
    assert (tmp_path / "raymesh").is_dir()


def test_an_engine_of_root_is_not_reported_as_gone(
    machine: dict[str, list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine["traces"].append("engine process 7")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["clean"]) == 1
    assert "run this as root" in capsys.readouterr().err


@pytest.mark.usefixtures("machine")
def test_folders_of_a_killed_build_go_and_the_caches_stay(tmp_path: Path) -> None:
    for name in ("root-abc", "context-abc", "bin", "engine"):
        (tmp_path / "raymesh" / name).mkdir(parents=True)
    assert main(["clean"]) == 0
    assert {path.name for path in (tmp_path / "raymesh").iterdir() if path.is_dir()} == {"bin", "engine"}


@pytest.mark.usefixtures("machine")
def test_caches_go_only_when_asked_for_with_the_images_made_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = tmp_path / "calls"
    client = tmp_path / "docker"
    client.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n[ "$2" = rm ] || echo localhost/raymesh/etcd:1\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "raymesh" / "bin").mkdir(parents=True)
    assert main(["clean", "--caches"]) == 0
    assert not (tmp_path / "raymesh").exists()
    assert "image rm --force localhost/raymesh/etcd:1" in calls.read_text()
    assert "reference=localhost/raymesh/*" in calls.read_text()
    assert "removed: image localhost/raymesh/etcd:1" in capsys.readouterr().out


@pytest.mark.usefixtures("machine")
def test_hosts_of_killed_audits_are_named_and_living_ones_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    living = f"{owned.name()}-head"
    stale = living.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    monkeypatch.setattr(netns, "present", lambda: [stale, living, "somebody-elses"])
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == f"removed: host of a killed audit: {stale}\n"
