"""The private engine's pure parts: its address range, what is known as its own, who may start it."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.machine import engine, ownership
from raymesh.machine.programs import Completed

Routes = Callable[..., None]


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> Routes:
    """Gives the machine these routes."""

    def routes(*rows: dict[str, str]) -> None:
        monkeypatch.setattr(engine, "run", lambda *_, **__: Completed(0, json.dumps(rows), "", 0.0))

    return routes


@pytest.fixture
def nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which no private engine ever was."""
    monkeypatch.setattr(engine, "RUN_DIR", tmp_path / "run")
    monkeypatch.setattr(engine, "PID_FILE", tmp_path / "run" / "engine.pid")
    monkeypatch.setattr(engine, "NETNS_FILE", tmp_path / "netns" / "raymesh")
    monkeypatch.setattr(engine, "CGROUPS", tmp_path / "cgroups")
    monkeypatch.setattr(engine, "HOST_LINK", "raymesh-unit")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "run").mkdir()
    return tmp_path


def test_the_first_range_serves_where_no_route_covers_it(routes: Routes) -> None:
    routes({"dst": "default", "dev": "eth0"}, {"dst": "192.168.1.0/24", "dev": "eth0"}, {"dst": "10.0.0.1"})
    network, host, inner = engine._network()
    assert str(network) == engine.RANGES[0]
    assert {host, inner} < set(network.hosts())
    assert host != inner


@pytest.mark.parametrize("taken", ["10.213.0.0/16", "10.213.77.0/24", "10.208.0.0/12", "10.213.0.9"])
def test_a_range_that_a_route_touches_is_passed_over(routes: Routes, taken: str) -> None:
    routes({"dst": taken, "dev": "eth0"})
    network, *_ = engine._network()
    assert not network.overlaps(ipaddress.ip_network(taken))


def test_our_own_link_takes_no_range_from_us(routes: Routes) -> None:
    routes({"dst": "10.213.0.0/30", "dev": engine.HOST_LINK})
    assert str(engine._network()[0]) == engine.RANGES[0]


def test_where_every_range_is_taken_the_error_names_them(routes: Routes) -> None:
    routes({"dst": "10.0.0.0/8"}, {"dst": "172.16.0.0/12"}, {"dst": "192.168.0.0/16"})
    with pytest.raises(EnvironmentFault, match=r"every address range .* 10\.213\.0\.0/16.*192\.168\.192\.0/18"):
        engine._network()


def test_a_recorded_pid_is_ours_only_with_its_start_time(nothing_there: Path) -> None:
    pid_file = nothing_there / "run" / "engine.pid"
    assert engine._recorded_pid() is None
    pid_file.write_text(f"{os.getpid()} {ownership.started(os.getpid())}")
    assert engine._recorded_pid() == os.getpid()
    for stale in (f"{os.getpid()} 1", f"{2**22 + 1} 5", "", "nonsense"):
        pid_file.write_text(stale)
        assert engine._recorded_pid() is None, stale


def test_traces_are_what_is_there(nothing_there: Path) -> None:
    assert engine.private_traces() == [f"folder {nothing_there / 'run'}"]
    (nothing_there / "cgroups" / "memory" / "raymesh").mkdir(parents=True)
    (nothing_there / "netns").mkdir()
    (nothing_there / "netns" / "raymesh").touch()
    (nothing_there / "run" / "engine.pid").write_text(f"{os.getpid()} {ownership.started(os.getpid())}")
    assert [trace.split()[0] for trace in engine.private_traces()] == ["engine", "network", "control", "folder"]


def test_what_a_killed_engine_left_is_removed_and_others_stay(nothing_there: Path) -> None:
    cgroups, run_dir = nothing_there / "cgroups", nothing_there / "run"
    (cgroups / "memory" / "raymesh" / "pod" / "container").mkdir(parents=True)
    (cgroups / "raymesh").mkdir()
    (cgroups / "memory" / "others").mkdir()
    (run_dir / "engine.pid").write_text(f"{os.getpid()} 1")  # given out again: this very process
    engine.remove_private()
    assert engine.private_traces() == []
    assert (cgroups / "memory" / "others").is_dir()


def test_the_data_folder_tells_whether_containers_are_left(nothing_there: Path) -> None:
    assert not engine.holds_containers()
    containers = nothing_there / "cache" / "raymesh" / "engine" / "data" / "containers"
    containers.mkdir(parents=True)
    assert not engine.holds_containers()
    (containers / "abc").mkdir()
    assert engine.holds_containers()


def test_only_root_may_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        EnvironmentFault, match="only root can start a private one\n  cure: start Docker, or run this as"
    ):
        engine._refuse_without_means()


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "nsenter" else name)
    with pytest.raises(EnvironmentFault, match=r"needs: nsenter\n  cure: apt-get install"):
        engine._refuse_without_means()


def test_a_client_without_an_engine_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho cannot connect >&2\nexit 1\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert engine.users_engine() is None
    client.write_text("#!/bin/sh\necho 27.1\n")
    found = engine.users_engine()
    assert found
    assert (found.kind, found.version) == ("docker", "27.1")
