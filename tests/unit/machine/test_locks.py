"""Locks between two processes: who waits knows for whom, and for how long; nobody else can hold or misuse them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault, InUse
from raymesh.machine import locks
from tests.unit.machine.strangers import give_away

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


def is_free(path: Path) -> bool:
    try:
        with locks.exclusive(path, within=0):
            return True
    except InUse:
        return False


@pytest.mark.parametrize("kind", ["exclusive", "shared"])
def test_a_lock_of_another_process_is_seen_and_goes_with_it_however_it_ends(kind: str, path: Path) -> None:
    assert is_free(path)
    with held(kind, path) as other:
        assert not is_free(path)
        other.kill()
        other.wait()
        assert is_free(path)


def test_shared_holders_stand_beside_each_other(path: Path) -> None:
    with held("shared", path), locks.shared(path, within=0) as ours:
        assert not is_free(path)
        assert not ours.alone()


def test_who_shares_with_nobody_is_alone_and_still_holds_it(path: Path) -> None:
    with locks.shared(path) as ours:
        assert ours.alone()
        assert not is_free(path)


def test_who_can_not_have_it_in_time_is_told_who_has_it(path: Path) -> None:
    said: list[str] = []
    with held("exclusive", path) as other:
        with (
            pytest.raises(InUse, match=rf"the cluster x is in use by process {other.pid} of .*, still after 0.3 s"),
            locks.exclusive(path, what="the cluster x", within=0.3, say=said.append),
        ):
            pass
        [line] = said
        assert line.startswith(f"waiting up to 0.3 s for the cluster x: in use by process {other.pid} of ")
        assert "since " in line


def test_now_or_not_at_all_does_not_wait_and_says_nothing(path: Path) -> None:
    said: list[str] = []
    with held("shared", path), pytest.raises(InUse), locks.exclusive(path, within=0, say=said.append):
        pass
    assert not said


def test_an_exclusive_lock_waits_for_the_other_holder(path: Path) -> None:
    with held("exclusive", path) as other:
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLDER, "exclusive", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with waiting:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(1)
            other.kill()
            assert waiting.communicate(timeout=20)[0] == "held\n"


def test_a_lock_is_free_again_after_its_block_even_if_that_raised(path: Path) -> None:
    with pytest.raises(KeyError), locks.exclusive(path):
        raise KeyError
    assert is_free(path)


def test_a_link_is_not_followed(tmp_path: Path, path: Path) -> None:
    aim = tmp_path / "nologin"
    path.parent.mkdir(mode=0o700)
    path.symlink_to(aim)
    with pytest.raises(EnvironmentFault, match=rf"can't open the lock file {path}"), locks.exclusive(path):
        pass
    assert not aim.exists()


def test_lock_files_and_their_folder_are_their_owners_alone(path: Path) -> None:
    with locks.exclusive(path):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_lock_file_of_somebody_else_is_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch()
    give_away(path, monkeypatch)
    with pytest.raises(EnvironmentFault, match=r"belongs to|is not a file of this user"), locks.exclusive(path):
        pass


def test_a_folder_that_others_can_write_to_holds_no_locks(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(EnvironmentFault, match="can be changed by other users"), locks.exclusive(path):
        pass


def test_a_file_that_was_removed_while_we_waited_for_it_is_not_the_lock(path: Path) -> None:
    with locks.exclusive(path):
        path.unlink()
        with locks.exclusive(path, within=0):  # a new file: theirs and ours are two, and the old one is nobody's
            assert path.exists()


def test_what_nobody_holds_can_be_removed_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locks.d"
    monkeypatch.setattr(locks, "_folder", lambda: folder)
    with locks.exclusive(locks.of_machine("one")):
        pass
    with held("exclusive", locks.of_machine("two")):
        locks.remove_free()
        assert [path.name for path in folder.iterdir()] == ["two"]
    locks.remove_free()
    assert not folder.exists()


def test_one_folder_has_one_lock_however_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "link").symlink_to("artifacts")
    same = locks.of_folder(tmp_path / "artifacts")
    assert same == locks.of_folder(tmp_path / "link" / ".." / "artifacts")
    assert same != locks.of_folder(tmp_path / "other")
