"""Debian packages: the mirrors are the machine's own, and another system is told so."""

from __future__ import annotations

import shutil
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
