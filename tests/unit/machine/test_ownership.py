"""What a killed run leaves running is found and ended; what a living one runs is not touched."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raymesh.machine import ownership
from raymesh.waiting import wait_for

PROGRAM = """
import sys, pathlib, raymesh.machine.ownership, raymesh.machine.programs
raymesh.machine.ownership.VARIABLE = sys.argv[2]
script = "sleep 300 & echo $!; exec sleep 300"
raymesh.machine.programs.run(["sh", "-c", script], timeout=300, log=pathlib.Path(sys.argv[1]))
"""


@pytest.fixture
def a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that is in run(), and the pid of a grandchild. Its mark is one that no other run has."""
    log, variable = tmp_path / "log", f"RAYMESH_TEST_{os.getpid()}"
    monkeypatch.setattr(ownership, "VARIABLE", variable)
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(log), variable])
    try:
        pid = wait_for(
            "grandchild started",
            lambda: log.read_text().splitlines()[1:] if log.exists() else [],
            until=bool,
            within=20,
            every=0.05,
        )
        yield process, int(pid[0])
    finally:
        process.kill()
        process.wait()
        ownership.end_orphans()


def test_nothing_of_a_living_run_is_an_orphan(a_run: tuple[subprocess.Popen[bytes], int]) -> None:
    _, grandchild = a_run
    assert grandchild not in ownership.orphans()


def test_all_that_a_killed_run_started_is_found_and_ended(a_run: tuple[subprocess.Popen[bytes], int]) -> None:
    run, grandchild = a_run
    run.send_signal(signal.SIGKILL)
    run.wait()
    # Both are `sh` for a moment, until they have become what they run.
    found = wait_for(
        "the program and its child",
        ownership.orphans,
        until=lambda found: list(found.values()) == ["sleep 300"] * 2,
        within=20,
        every=0.05,
    )
    assert grandchild in found
    ownership.end_orphans()
    assert not ownership.orphans()


def test_a_pid_that_was_given_out_again_is_another_process() -> None:
    assert ownership.started(os.getpid())
    assert ownership.started(os.getpid()) != ownership.started(1)
    assert not ownership.started(2**22 + 1)


def test_a_child_that_ended_and_is_not_waited_for_is_gone() -> None:
    with subprocess.Popen(["true"]) as child:
        wait_for("it ended", lambda: ownership.started(child.pid), until=lambda text: not text, within=10, every=0.02)


IN_ANOTHER_NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child=SIGKILL"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a pid namespace takes root")
def test_what_another_pid_namespace_runs_is_not_an_orphan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a run inside a container, seen from the machine: the pid in its mark means nothing here."""
    log, variable = tmp_path / "log", f"RAYMESH_TEST_{os.getpid()}"
    monkeypatch.setattr(ownership, "VARIABLE", variable)
    with subprocess.Popen([*IN_ANOTHER_NAMESPACE, sys.executable, "-c", PROGRAM, str(log), variable]) as process:
        try:
            wait_for("its program runs", lambda: marked(variable), until=lambda n: n >= 2, within=20, every=0.05)
            assert not ownership.orphans()
        finally:
            process.kill()
    wait_for("all ended", lambda: marked(variable), until=lambda n: n == 0, within=20, every=0.05)


def marked(variable: str) -> int:
    """Count the processes that carry a mark."""
    found = 0
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found += f"{variable}=".encode() in environment.read_bytes()
    return found


def test_a_process_that_lives_is_not_gone_and_one_elsewhere_can_not_be_told() -> None:
    start, here = ownership.started(os.getpid()), ownership.namespace()
    assert not ownership.is_gone(os.getpid(), start, here)
    assert ownership.is_gone(os.getpid(), "1", here)
    assert not ownership.is_gone(os.getpid(), "1", here + 1)


def test_a_system_without_proc_is_asked_through_a_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ownership, "PROC", tmp_path / "none")
    assert ownership.namespace() == 0
    began = ownership.started(os.getpid())
    assert began
    assert ownership.started(os.getpid()) == began
    child = subprocess.Popen(["sleep", "300"])
    started = ownership.started(child.pid)
    assert started
    assert not ownership.is_gone(child.pid, started, 0)
    child.kill()
    wait_for("it is gone", lambda: ownership.is_gone(child.pid, started, 0), until=bool, within=20)
    child.wait()
    assert ownership.started(child.pid) == ""
    assert set(ownership.mark()) == {ownership.VARIABLE}


def test_no_process_of_nobody_is_lost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ownership, "PROC", tmp_path / "none")
    monkeypatch.setattr(ownership, "VARIABLE", f"RAYMESH_TEST_{os.getpid()}")
    assert ownership.orphans() == {}
