"""A file is changed as a whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from raymesh.commands.main import main
from raymesh.errors import UsageError
from raymesh.manifests.reading import read_file
from raymesh.manifests.writing import as_diff, replace_files
from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN, RED

BROKEN = RED["RM001"].text
PADDED = BROKEN + "".join(f"# {i} ours\n" for i in range(20_000))
NOBODY = 65534


def read(*paths: Path) -> dict[str, str]:
    found = {}
    for path in paths:
        text = read_file(str(path))
        assert isinstance(text, str)
        found[str(path)] = text
    return found


def longer(texts: dict[str, str]) -> dict[str, str]:
    return {path: text + "more: 1\n" for path, text in texts.items()}


def everything(folder: Path) -> dict[str, bytes]:
    """Every byte of a folder, by the name of the file: what is left over counts, too."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_mode_owner_and_attributes_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, NOBODY, NOBODY)
    os.setxattr(file, "user.mine", b"kept")
    before, texts = file.stat(), read(file)
    assert replace_files(texts, longer(texts)) == [str(file)]
    after = file.stat()
    assert file.read_text() == "a: 1\nmore: 1\n"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert os.getxattr(file, "user.mine") == b"kept"
    assert everything(tmp_path).keys() == {"a.yaml"}


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b.yaml").symlink_to("c.yaml")
    (tmp_path / "c.yaml").symlink_to("real/a.yaml")
    texts = read(tmp_path / "b.yaml")
    replace_files(texts, longer(texts))
    assert (tmp_path / "b.yaml").is_symlink()
    assert (tmp_path / "c.yaml").is_symlink()
    assert (tmp_path / "real" / "a.yaml").read_text() == "a: 1\nmore: 1\n"


def test_a_byte_order_mark_and_line_endings_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\n...")
    texts = read(file)
    replace_files(texts, {str(file): texts[str(file)].replace("1", "9")})
    assert file.read_bytes() == b"\xef\xbb\xbfa: 9\r\nb: 2\n..."


def test_what_is_as_it_was_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n")
    file.chmod(0o444)
    before = file.stat()
    assert replace_files(read(file), read(file)) == []
    assert file.stat() == before


def test_a_file_with_hard_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b.yaml").hardlink_to(tmp_path / "a.yaml")
    refused(tmp_path, "has 2 hard links", "a.yaml")


def test_a_file_that_is_no_file_is_refused() -> None:
    with pytest.raises(UsageError, match="not a file that can be replaced"):
        replace_files({os.devnull: ""}, {os.devnull: "a: 1\n"})


def refused(folder: Path, message: str, *names: str) -> None:
    before = everything(folder)
    texts = read(*(folder / name for name in names))
    with pytest.raises(UsageError, match=message) as told:
        replace_files(texts, longer(texts))
    assert "no file was changed" in str(told.value)
    assert everything(folder) == before


def test_a_read_only_file_of_a_pair_keeps_both(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b.yaml").write_text("b: 1\n")
    (tmp_path / "b.yaml").chmod(0o444)
    refused(tmp_path, r"b\.yaml: can't be written: it is read-only", "a.yaml", "b.yaml")


def test_a_file_that_can_not_be_replaced_brings_the_others_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last rename fails, when the first file has its new text already; where files can't change places."""
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        (tmp_path / name).write_text(f"{name}: 1\n")
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target.name == "c.yaml":
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(sys, "platform", "other")
    monkeypatch.setattr(Path, "replace", replace)
    refused(tmp_path, "Input/output error", "a.yaml", "b.yaml", "c.yaml")


@pytest.mark.parametrize("name", ["a.yaml", "b.yaml"])
def test_an_edit_saved_meanwhile_stays(tmp_path: Path, name: str) -> None:
    for one in ("a.yaml", "b.yaml"):
        (tmp_path / one).write_text("a: 1\n")
    texts = read(tmp_path / "a.yaml", tmp_path / "b.yaml")
    (tmp_path / name).write_text("a: 1\nsaved: 2\n")
    before = everything(tmp_path)
    with pytest.raises(UsageError, match=rf"{name}: somebody saved it meanwhile; no file was changed"):
        replace_files(texts, longer(texts))
    assert everything(tmp_path) == before


# An editor that saves a text of its own whenever it is asked to, a moment later, and says so when it has.
EDITOR = """
import os, random, select, sys
path = sys.argv[1]
for told in sys.stdin:
    select.select([], [], [], random.random() / 200)
    with open(path + "~", "w") as file:
        file.write(f"saved: {told}")
    os.replace(path + "~", path)
    print(told, end="", flush=True)
"""
ENOUGH = 8


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere files can't change places in one step")
def test_no_save_of_an_editor_at_work_is_lost(tmp_path: Path) -> None:
    """Somebody saves while a change is made: the change is of what was saved, or is refused, or is saved over."""
    path = tmp_path / "a.yaml"
    path.write_text("saved: 0\n")
    command = [sys.executable, "-c", EDITOR, str(path)]
    outcomes = {True: 0, False: 0}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as editor:
        assert editor.stdin is not None
        assert editor.stdout is not None
        for number in range(1, 10_000):
            print(number, file=editor.stdin, flush=True)
            texts = read(path)
            try:
                replace_files(texts, longer(texts))
            except UsageError:
                outcomes[False] += 1
            else:
                outcomes[True] += 1
            assert editor.stdout.readline() == f"{number}\n"
            assert path.read_text().startswith(f"saved: {number}\n")
            if min(outcomes.values()) >= ENOUGH:
                break
        editor.stdin.close()


def test_a_file_that_is_gone_stays_so(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    texts = read(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").unlink()
    with pytest.raises(UsageError, match="No such file"):
        replace_files(texts, longer(texts))
    assert everything(tmp_path) == {}


def command(*words: str, folder: Path, most_bytes: int) -> tuple[int, str]:
    """Run raymesh as a program of its own, with a limit to the size of what it writes, as on a full disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    done = subprocess.run(
        [sys.executable, "-m", "raymesh.commands.main", "ports", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    return done.returncode, done.stderr


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give root's rights away: they would open every door."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody finds the way to."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        monkeypatch.chdir(name)
        yield Path(name)
        Path(name).chmod(0o755)


FIX = ("lint", "--fix", ".")
MERGE = ("generate", "--merge", "a.yaml", "--port", "node-manager-port=7380", "--write")


@pytest.mark.parametrize("most_bytes", [0, 1, 8192, len(PADDED) - 1])
@pytest.mark.parametrize("words", [FIX, MERGE], ids=["fix", "merge"])
def test_a_full_disk_harms_no_byte(tmp_path: Path, words: tuple[str, ...], most_bytes: int) -> None:
    (tmp_path / "a.yaml").write_text(PADDED)
    (tmp_path / "b.yaml").write_text(PADDED.replace("mine", "other"))
    before = everything(tmp_path)
    code, told = command(*words, folder=tmp_path, most_bytes=most_bytes)
    assert (code, "Traceback" in told) == (2, False)
    assert "can't be written: File too large; no file was changed" in told
    assert everything(tmp_path) == before
    assert command(*words, folder=tmp_path, most_bytes=1 << 30)[0] == 0, "with room it works"
    assert everything(tmp_path) != before


@pytest.mark.parametrize("words", [FIX, MERGE], ids=["fix", "merge"])
def test_a_read_only_file_or_folder_harms_no_byte(
    open_folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    file = open_folder / "a.yaml"
    file.write_text(BROKEN)
    before = everything(open_folder)
    file.chmod(0o444)
    assert main(["ports", *words]) == 2
    assert "it is read-only; no file was changed" in capsys.readouterr().err
    file.chmod(0o666)
    open_folder.chmod(0o555)
    with as_nobody():
        assert main(["ports", *words]) == 2
    assert "Permission denied; no file was changed" in capsys.readouterr().err
    assert everything(open_folder) == before


def test_a_difference_is_shown_line_by_line() -> None:
    shown = as_diff({"a.yaml": CLEAN, "b\x1b.yaml": "a: 1\r\n"}, {"a.yaml": CLEAN, "b\x1b.yaml": "a: 2\r\n"})
    assert shown == "--- a/b\\x1b.yaml\n+++ b/b\\x1b.yaml\n@@ -1,2 +1,2 @@\n-a: 1\n+a: 2\n \n"


def test_files_of_two_projects_change_together_or_not_at_all(tmp_path: Path) -> None:
    """Each has settings of its own, and only the second one's file can't be written."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "raymesh.toml").write_text('ray = "2.60.0"\n')
        (tmp_path / name / "a.yaml").write_text(BROKEN)
    (tmp_path / "two" / "a.yaml").chmod(0o444)
    before = everything(tmp_path)
    code, told = command(*FIX, folder=tmp_path, most_bytes=1 << 30)
    assert (code, "it is read-only; no file was changed" in told) == (2, True)
    assert everything(tmp_path) == before
    (tmp_path / "two" / "a.yaml").chmod(0o644)
    assert command(*FIX, folder=tmp_path, most_bytes=1 << 30)[0] == 0
    after = everything(tmp_path)
    assert after["one/a.yaml"] == after["two/a.yaml"] != before["one/a.yaml"]
