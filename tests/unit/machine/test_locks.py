"""Locks between two processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raymesh.machine import locks

HOLDER = """
import sys, pathlib
from raymesh.machine import locks
with getattr(locks, sys.argv[1])(pathlib.Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is told, or ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, kind, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "lock"


@pytest.mark.parametrize("kind", ["exclusive", "shared"])
def test_a_lock_of_another_process_is_seen_and_goes_with_it_however_it_ends(kind: str, path: Path) -> None:
    assert locks.is_free(path), "a file that is not there is held by nobody"
    with held(kind, path) as other:
        assert not locks.is_free(path)
        other.kill()
        other.wait()
        assert locks.is_free(path)


def test_shared_holders_stand_beside_each_other(path: Path) -> None:
    with held("shared", path), locks.shared(path):
        assert not locks.is_free(path)


def test_an_exclusive_lock_waits_for_the_other_holder(path: Path) -> None:
    with held("exclusive", path) as other:
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLDER, "exclusive", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        with waiting:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.5)
            other.kill()
            assert waiting.communicate(timeout=10)[0] == "held\n"


def test_a_lock_is_free_again_after_its_block_even_if_that_raised(path: Path) -> None:
    with pytest.raises(KeyError), locks.exclusive(path):
        raise KeyError
    assert locks.is_free(path)
