"""What a killed run leaves running is found and ended; what a living one runs is not touched."""

from __future__ import annotations

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
    found = ownership.orphans()
    assert found[grandchild] == "sleep 300"
    assert list(found.values()) == ["sleep 300"] * 2, "the program and its child"
    ownership.end_orphans()
    assert not ownership.orphans()


def test_a_pid_that_was_given_out_again_is_another_process() -> None:
    assert ownership.started(os.getpid())
    assert ownership.started(os.getpid()) != ownership.started(1)
    assert not ownership.started(2**22 + 1)
