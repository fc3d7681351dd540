"""What is run as root lies where nobody else can change it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.machine import trust
from tests.unit.machine.strangers import give_away


def test_a_folder_is_made_for_its_user_alone(tmp_path: Path) -> None:
    made = trust.folder(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o777 == 0o700
    assert trust.folder(made) == made


@pytest.mark.parametrize("mode", [0o777, 0o722, 0o702])
def test_a_folder_that_others_can_write_to_is_refused_with_its_mode(tmp_path: Path, mode: int) -> None:
    tmp_path.joinpath("open").mkdir()
    tmp_path.joinpath("open").chmod(mode)
    with pytest.raises(EnvironmentFault, match=rf"open can be changed by other users \(mode {mode:o}\)"):
        trust.folder(tmp_path / "open")


@pytest.mark.parametrize("below", ["", "raymesh", "raymesh/tools"])
def test_nobody_uses_the_cache_of_another_user(tmp_path: Path, below: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `sudo -E`: the folder is the user's, or one above it is."""
    users = tmp_path / "cache"
    users.mkdir(mode=0o700)
    if os.geteuid() == 0:
        give_away(users, monkeypatch)
    else:  # what is this user's is another's to root
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(EnvironmentFault, match=r"belongs to \w+, and this runs as root\n  cure: use `sudo -H`"):
        trust.folder(users / below)
    assert not (users / "raymesh").exists(), "nothing is made there"


def test_a_link_does_not_hide_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aim = tmp_path / "aim"
    aim.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(aim)
    give_away(aim, monkeypatch)
    with pytest.raises(EnvironmentFault, match="belongs to"):
        trust.check(tmp_path / "link")


@pytest.mark.parametrize("planted", ["owner", "mode"])
def test_one_planted_file_spoils_a_toolbox(tmp_path: Path, planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "toolbox" / "usr" / "bin" / "dockerd"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    (program.parent / "docker").symlink_to("dockerd")
    (program.parent / "gone").symlink_to("nowhere")
    trust.check_tree(tmp_path / "toolbox")
    if planted == "owner":
        give_away(program, monkeypatch)
    else:
        program.chmod(0o777)
    with pytest.raises(EnvironmentFault, match="toolbox"):
        trust.check_tree(tmp_path / "toolbox")


def test_a_folder_that_can_not_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="can't make the folder"):
        trust.folder(tmp_path / "file" / "below")
