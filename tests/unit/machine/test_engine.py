"""The private engine's pure parts: its address range, what is known as its own, who may start it."""

from __future__ import annotations

import contextlib
import io
import ipaddress
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault, InUse
from raymesh.machine import engine, locks, ownership
from raymesh.machine.engine import Engine
from raymesh.machine.programs import Completed
from raymesh.machine.toolbox import Toolbox
from raymesh.progress import Progress

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
    monkeypatch.setattr(engine, "CONFIG", tmp_path / "run" / "daemon.json")
    monkeypatch.setattr(engine, "OLD_USERS_LOCK", tmp_path / "old-lock")
    monkeypatch.setattr(locks, "ROOTS_FOLDER", tmp_path / "locks.d")
    monkeypatch.setattr(engine, "NETNS_FILE", tmp_path / "netns" / "raymesh")
    monkeypatch.setattr(engine, "CGROUPS", tmp_path / "cgroups")
    monkeypatch.setattr(engine, "HOST_LINK", "raymesh-unit")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "daemon.json").touch()
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


def test_the_address_of_an_engine_that_runs_is_read_from_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever routes came since it was started."""
    shown = [{"ifname": engine.HOST_LINK, "addr_info": [{"local": "172.29.0.1", "prefixlen": 30}]}]
    monkeypatch.setattr(engine, "run", lambda *_, **__: Completed(0, json.dumps(shown), "", 0.0))
    assert engine._address() == "172.29.0.2"


def test_where_every_range_is_taken_the_error_names_them(routes: Routes) -> None:
    routes({"dst": "10.0.0.0/8"}, {"dst": "172.16.0.0/12"}, {"dst": "192.168.0.0/16"})
    with pytest.raises(EnvironmentFault, match=r"every address range .* 10\.213\.0\.0/16.*192\.168\.192\.0/18"):
        engine._network()


def test_arecorded_pid_is_ours_only_with_its_start_time(nothing_there: Path) -> None:
    pid_file = nothing_there / "run" / "engine.pid"
    assert engine.recorded_pid() is None
    pid_file.write_text(f"{os.getpid()} {ownership.started(os.getpid())}")
    assert engine.recorded_pid() == os.getpid()
    for stale in (f"{os.getpid()} 1", f"{2**22 + 1} 5", "", "nonsense"):
        pid_file.write_text(stale)
        assert engine.recorded_pid() is None, stale


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


def test_what_has_our_names_and_was_not_made_by_us_stays(nothing_there: Path) -> None:
    (nothing_there / "run" / "daemon.json").unlink()
    group = nothing_there / "cgroups" / "raymesh"
    group.mkdir(parents=True)
    (nothing_there / "netns").mkdir()
    (nothing_there / "netns" / "raymesh").touch()
    assert engine.private_traces() == []
    engine.remove_private()
    assert group.is_dir()
    assert (nothing_there / "netns" / "raymesh").exists()


def test_it_is_not_started_over_what_was_not_made_by_us(nothing_there: Path, routes: Routes) -> None:
    (nothing_there / "run" / "daemon.json").unlink()
    (nothing_there / "netns").mkdir()
    (nothing_there / "netns" / "raymesh").touch()
    routes()
    with pytest.raises(EnvironmentFault, match="there is a network namespace raymesh that raymesh did not make"):
        engine._start(Toolbox(nothing_there))


HOLDER = """
import sys
from pathlib import Path
from raymesh.machine import locks
with locks.shared(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def another_run(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["new", "old"])
def test_an_engine_that_another_run_uses_is_not_ended(
    nothing_there: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(engine, "remove_private", lambda: ended.append("engine"))
    path = locks.of_machine(engine.USERS) if kind == "new" else nothing_there / "old" / "lock"
    monkeypatch.setattr(engine, "OLD_USERS_LOCK", nothing_there / "old" / "lock")
    with another_run(path) as other:
        engine.stop_if_unused(Progress())
        assert not ended
        with pytest.raises(InUse, match=f"the private engine is in use by process {other.pid} of "), engine.reserved():
            pass
    engine.stop_if_unused(Progress())
    assert ended == ["engine"]


def test_an_engine_with_a_kept_cluster_is_not_ended(nothing_there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = nothing_there / "docker"
    client.write_text("#!/bin/sh\necho kept-control-plane\n")
    client.chmod(0o755)
    found = Engine("private", "26.1", "10.213.0.2", {"PATH": f"{nothing_there}:/usr/bin:/bin"})
    monkeypatch.setenv("PATH", f"{nothing_there}:/usr/bin:/bin")
    monkeypatch.setattr(engine, "running", lambda _: found)
    ended: list[str] = []
    monkeypatch.setattr(engine, "remove_private", lambda: ended.append("engine"))
    said = io.StringIO()
    engine.stop_if_unused(Progress(said))
    assert not ended
    assert "the private engine stays for kept-control-plane" in said.getvalue()
    client.write_text("#!/bin/sh\n")
    engine.stop_if_unused(Progress())
    assert ended == ["engine"]


@pytest.mark.usefixtures("nothing_there")
def test_a_silent_engine_is_started_anew_only_by_who_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    anew = Engine("private", "26.1", "10.213.0.2")
    monkeypatch.setattr(engine, "running", lambda _: None)
    monkeypatch.setattr(engine, "started", lambda _: anew)
    with locks.shared(locks.of_machine(engine.USERS)) as place:
        with (
            another_run(place.path) as other,
            pytest.raises(InUse, match=rf"does not answer, and it is in use by .*process {other.pid} "),
        ):
            engine.private(Progress(), place)
        assert engine.private(Progress(), place) is anew


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
