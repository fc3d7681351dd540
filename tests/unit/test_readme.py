"""README says what is so: its options are those of settings, its commands those of make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raymesh.paths import ROOT
from raymesh.settings import OPTIONS

TEXT = (ROOT / "README.md").read_text()


def test_the_options_are_those_that_there_are() -> None:
    """README has those of every run, docs/any-cluster.md those for a subject and a cluster of one's own."""
    page = (ROOT / "docs" / "any-cluster.md").read_text()
    rows = re.findall(r"^\| `(--[\w-]+)` \| `(\w+)` \| (?:`(\w+)`|none) \|", TEXT + page, re.MULTILINE)
    assert sorted(rows) == sorted((option.flag, option.variable, option.default) for option in OPTIONS)


def test_files_that_are_named_are_there() -> None:
    """By their path in the tree: an index shows this page without the files beside it, so a link would lead nowhere.

    Pictures stand on lines of their own, which the index is not given.
    """
    pictures = re.findall(r"^!\[[^\]]+\]\((docs/[\w-]+\.png)\)$", TEXT, re.MULTILINE)
    assert re.findall(r"\]\(([^)]+)\)", TEXT) == pictures
    assert all(0 < (ROOT / path).stat().st_size < 150_000 for path in pictures)
    named = re.findall(r"`((?:docs|manifests|raymesh|tests|images)/[\w./-]*)`", TEXT)
    assert "docs/ports.md" in named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_links_between_docs_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())
    assert [link for link in links if not link.startswith("https://") and not (path.parent / link).exists()] == []


def test_three_doors_stand_on_the_first_screen() -> None:
    screen = "\n".join(TEXT.splitlines()[:24])
    for door in ("raymesh ports lint", "raymesh ports generate", "raymesh prove", "make e2e", "pip install raymesh"):
        assert door in screen


def test_commands_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([\w-]+)", TEXT, re.MULTILINE))
    assert {"test", "e2e", "clean-lab", "clean-caches"} <= named
    assert named <= targets
