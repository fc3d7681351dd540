"""The artifacts folder: redacted, for its owner alone, of this run only, and nobody else's file is touched."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault, UsageError
from raymesh.evidence.artifacts import MARKER, Artifacts
from raymesh.evidence.redact import Form

SECRET = "Authorization: Bearer hunter2hunter2\n"


@contextmanager
def opened(folder: Path) -> Iterator[Artifacts]:
    artifacts = Artifacts(folder)
    artifacts.open()
    yield artifacts
    artifacts.close()


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MARKER}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_redacted_and_counted(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as artifacts:
        path = artifacts.write("raw/ray.log", f"{SECRET}fine\n", Form.TEXT)
        assert path == tmp_path / "a/raw/ray.log"
        assert "hunter2" not in path.read_text()
        assert path.read_text().endswith("fine\n")
        assert artifacts.taken_out().total() == 1


def test_only_the_last_text_of_a_name_counts(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as artifacts:
        for text in (SECRET, SECRET, "fine\n"):
            path = artifacts.write("ray.log", text, Form.TEXT)
        assert path.read_text() == "fine\n"
        assert artifacts.taken_out().total() == 0


def test_files_and_new_folders_are_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "a") as artifacts:
            artifacts.write("bundles/test/ray.log", "fine\n", Form.TEXT)
    finally:
        os.umask(before)
    assert {mode(path) for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    assert {mode(path) for path in tmp_path.rglob("*") if path.is_dir()} == {0o700}


def test_a_file_that_somebody_else_wrote_is_redacted_in_place(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as artifacts:
        path = artifacts.claim("junit.xml")
        for _ in range(2):  # the same text again is still somebody else's
            path.write_text(SECRET)
            path.chmod(0o644)
            artifacts.adopt("junit.xml", Form.TEXT)
            assert "hunter2" not in path.read_text()
            assert mode(path) == 0o600


def test_a_claimed_file_that_never_came_is_no_failure(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as artifacts:
        artifacts.claim("junit.xml")
        artifacts.adopt("junit.xml", Form.XML)
    assert files(tmp_path / "a") == set()


def test_the_next_run_starts_without_the_files_of_the_last(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with opened(folder) as artifacts:
        artifacts.write("report.txt", "green", Form.TEXT)
        artifacts.write("bundles/test/default/pod/ray.log", "fine\n", Form.TEXT)
        artifacts.claim("junit.xml").write_text("<green/>")
    with opened(folder):
        assert files(folder) == set()
        assert [path.name for path in folder.iterdir()] == [MARKER]


def test_what_a_person_put_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    with opened(folder) as artifacts:
        artifacts.write("raw/kiali.json", "{}", Form.OBJECT)
        artifacts.write("report.txt", "green", Form.TEXT)
    (folder / "raw/holiday.cr2").write_text("sun")
    (folder / "notes.txt").write_text("mine")
    with opened(folder):
        assert files(folder) == {"raw/holiday.cr2", "notes.txt"}


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/holiday.cr2").write_text("sun")
    (tmp_path / "report.txt").write_text("of somebody")
    with pytest.raises(UsageError, match=r"did not put there \(raw, report.txt\).*new or empty"):
        Artifacts(tmp_path).open()
    assert files(tmp_path) == {"raw/holiday.cr2", "report.txt"}
    assert not (tmp_path / MARKER).exists()


def test_a_folder_with_hidden_files_alone_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*")
    with opened(tmp_path) as artifacts:
        artifacts.write("report.txt", "green", Form.TEXT)
    assert files(tmp_path) == {".gitignore", "report.txt"}


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as artifacts:
        (tmp_path / "a/report.txt").write_text("of somebody")
        with pytest.raises(UsageError, match=r"report.txt is there and raymesh did not write it"):
            artifacts.write("report.txt", "green", Form.TEXT)
    assert (tmp_path / "a/report.txt").read_text() == "of somebody"


@pytest.mark.parametrize("name", ["../other", "/etc/passwd", "raw/../../other", "..", "raw//x", "."])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / "a") as artifacts, pytest.raises(ValueError, match="no name for an artifact"):
        artifacts.write(name, "text", Form.TEXT)


def test_a_name_is_made_fit_for_a_file(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as artifacts:
        artifacts.write("bundles/test_a[x y]\n/ray.log", "fine", Form.TEXT)
    assert files(tmp_path / "a") == {"bundles/test_a-x-y-/ray.log"}


def test_a_marker_names_nothing_outside_its_folder(tmp_path: Path) -> None:
    folder, other = tmp_path / "a", tmp_path / "other"
    other.mkdir()
    (other / "kept").write_text("kept")
    with opened(folder):
        pass
    (folder / "link").symlink_to(other)
    with (folder / MARKER).open("a") as marker:
        marker.write(f"../other/kept\n{other}/kept\nlink/kept\n\nraw/cut-of")
    with opened(folder):
        assert (other / "kept").read_text() == "kept"


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "a") as artifacts:
        (tmp_path / "a/raw").symlink_to(tmp_path / "other")
        with pytest.raises(EnvironmentFault, match=r"raw/x.json can't be written"):
            artifacts.write("raw/x.json", "{}", Form.OBJECT)
    assert not list((tmp_path / "other").iterdir())


def test_another_users_artifacts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "a") as artifacts:
        artifacts.write("report.txt", "green", Form.TEXT)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(UsageError, match="artifacts of another user"):
        Artifacts(tmp_path / "a").open()
    assert files(tmp_path / "a") == {"report.txt"}


def test_a_folder_in_a_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(UsageError, match=r"can't be used: File exists; name another folder"):
        Artifacts(tmp_path / "a").open()


def test_threads_may_write_side_by_side(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as artifacts, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: artifacts.write(f"raw/{n % 4}.log", f"{SECRET}{n}\n", Form.TEXT), range(64)))
        assert files(tmp_path / "a") == {f"raw/{n}.log" for n in range(4)}
        assert artifacts.taken_out().total() == 4


KILLED = """
import os, signal, sys
from pathlib import Path
from raymesh.evidence.artifacts import Artifacts
from raymesh.evidence.redact import Form
artifacts = Artifacts(Path(sys.argv[1]))
artifacts.open()
artifacts.write("report.txt", "green", Form.TEXT)
artifacts.write("raw/one.json", "{}", Form.OBJECT)
os.replace = lambda *words, **more: os.kill(os.getpid(), signal.SIGKILL)
artifacts.write("raw/two.json", "{}", Form.OBJECT)
"""


def test_what_a_killed_run_left_is_gone_in_the_next(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert files(tmp_path / "a") == {"report.txt", "raw/one.json", "raw/two.json.part"}
    with opened(tmp_path / "a"):
        assert files(tmp_path / "a") == set()
        assert not (tmp_path / "a/raw").exists()


FULL = """
import resource, signal, sys
from pathlib import Path
from raymesh.evidence.artifacts import Artifacts
from raymesh.evidence.redact import Form
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
artifacts = Artifacts(Path(sys.argv[1]))
artifacts.open()
artifacts.write("report.txt", "short", Form.TEXT)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
artifacts.write("report.txt", "long " * 1000, Form.TEXT)
"""


def test_a_full_disk_is_said_with_its_cure_and_leaves_no_half_file(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "a")], check=False, capture_output=True, text=True
    )
    assert "report.txt can't be written: File too large\n  cure: free space on its disk" in ended.stderr
    assert (tmp_path / "a/report.txt").read_text() == "short"
