"""Debian packages: the mirrors are the machine's own, and another system is told so."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.machine import packages
from raymesh.machine.programs import Completed

MIRROR, SECURITY = "http://mirror.example/debian/", "http://security.example/debian-security/"


def targets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *rows: str) -> None:
    """Let apt have these sources."""
    monkeypatch.setattr(packages, "run", lambda *_, **__: Completed(0, "\n".join(rows), "", 0.0))
    monkeypatch.setattr(packages, "KEYRING", tmp_path / "keyring.gpg")


def test_other_suites_come_from_the_mirrors_of_this_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    targets(
        monkeypatch,
        tmp_path,
        *(f"{MIRROR} bookworm", f"{MIRROR} bookworm-updates", f"{SECURITY} bookworm-security"),
    )
    assert [row.split() for row in packages.sources("trixie")] == [
        ["deb", MIRROR, "trixie", "main"],
        ["deb", SECURITY, "trixie-security", "main"],
    ]


def test_archives_are_checked_with_debians_own_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    targets(monkeypatch, tmp_path, f"{MIRROR} bookworm")
    (tmp_path / "keyring.gpg").touch()
    assert packages.sources("trixie") == [f"deb [signed-by={tmp_path / 'keyring.gpg'}] {MIRROR} trixie main"]


@pytest.mark.parametrize("rows", [(), (f"{SECURITY} bookworm-security",)], ids=["none", "security only"])
def test_without_an_archive_there_is_a_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: tuple[str, ...]
) -> None:
    targets(monkeypatch, tmp_path, *rows)
    with pytest.raises(EnvironmentFault, match=r"no Debian archive.*\n  cure: run apt-get update"):
        packages.sources("trixie")


@pytest.mark.parametrize("quoted", ["bookworm", '"bookworm"'])
def test_debian_tells_its_codename(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quoted: str) -> None:
    release = tmp_path / "os-release"
    release.write_text(f"ID=debian\n\n# a remark\nVERSION_CODENAME={quoted}\n")
    monkeypatch.setattr(packages, "OS_RELEASE", release)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get")
    assert packages.host_codename() == "bookworm"


@pytest.mark.parametrize("text", ['ID=fedora\nPRETTY_NAME="Fedora 41"\n', None], ids=["fedora", "no file"])
def test_another_system_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None) -> None:
    release = tmp_path / "os-release"
    if text:
        release.write_text(text)
    monkeypatch.setattr(packages, "OS_RELEASE", release)
    named = "Fedora 41" if text else "another system"
    with pytest.raises(EnvironmentFault, match=rf"{named}.*\n  cure: run on Debian"):
        packages.host_codename()


APT = """#!/bin/sh
case "$*" in
*indextargets*) echo http://mirror.example/debian bookworm ;;
*update*) echo update >> $CALLS ;;
*download*) echo download >> $CALLS
  [ "$(grep -c update $CALLS)" -ge "${NEEDS_UPDATES:-1}" ] || { echo "404  Not Found" >&2; exit 100; } ;;
esac
"""


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file in which an apt-get, whose downloads are empty, writes down what it is asked."""
    (tmp_path / "apt-get").write_text(APT)
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    (tmp_path / "calls").touch()
    return tmp_path / "calls"


def fetched(tmp_path: Path) -> None:
    packages.fetch("bookworm", ["runc"], tmp_path / "into")


def test_lists_serve_for_a_day_and_a_clock_that_went_back_does_not_make_them_serve_for_ever(
    apt: Path, tmp_path: Path
) -> None:
    fetched(tmp_path)
    fetched(tmp_path)
    assert apt.read_text().split() == ["update", "download", "download"]
    stamp = tmp_path / "cache" / "raymesh" / "apt" / "bookworm" / "updated"
    for moved in (-2 * packages.LISTS_FRESH_SECONDS, 30 * packages.LISTS_FRESH_SECONDS):
        apt.write_text("")
        os.utime(stamp, (time.time() + moved,) * 2)
        fetched(tmp_path)
        assert apt.read_text().split() == ["update", "download"]


def test_a_mirror_that_moved_on_is_asked_once_more_with_fresh_lists(
    apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEEDS_UPDATES", "2")
    fetched(tmp_path)
    assert apt.read_text().split() == ["update", "download", "update", "download"]
    apt.write_text("")
    monkeypatch.setenv("NEEDS_UPDATES", "9")
    with pytest.raises(EnvironmentFault, match=r"can't fetch the packages runc of bookworm[\s\S]*404  Not Found"):
        fetched(tmp_path)
    assert apt.read_text().split() == ["download", "update", "download"]
