"""The docs say what is so: every link leads to a file and a heading, every file of the house that is named is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from raymesh.commands.main import COMMANDS, PORTS
from raymesh.paths import ROOT

DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "raymesh").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"`((?:raymesh|fixtures|tests|manifests|images|docs|benchmarks|requirements)/[\w./-]+)`")
PLACEHOLDER = re.compile(r"/(?!README)[A-Z]{2,}([./]|$)")  # images/NAME/Dockerfile
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def without_code(path: Path) -> str:
    return CODE.sub("", path.read_text())


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S), re.MULTILINE)
    kept = ["".join(c for c in heading.lower() if c.isalnum() or c in " -_") for heading in headings]
    return frozenset(text.replace(" ", "-") for text in kept)


def broken(path: Path) -> list[str]:
    found: list[str] = []
    for link in LINK.findall(without_code(path)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            found.append(link)
    return found


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_links_lead_to_a_file_and_a_heading(path: Path) -> None:
    assert broken(path) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A head, and more\n[a](#a-head-and-more) [b](#none) [c](none.md) [d](page.md#none) `[e](no.md)`\n"
    )
    assert broken(page) == ["#none", "none.md", "page.md#none"]


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_files_of_the_house_that_are_named_are_there(path: Path) -> None:
    named = [one for one in NAMED.findall(path.read_text()) if not PLACEHOLDER.search(one)]
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    pages = {path for path in DOCS if path.parent == index.parent and path != index}
    pages |= {path for path in DOCS if path.name == "README.md" and path.parent not in (ROOT, index.parent)}
    assert pages - linked == set()


def test_the_architecture_has_just_the_rooms_that_there_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (`[a-z]+/`(?:, `[a-z]+/`)*) \|", page, re.MULTILINE)
    rooms = sorted(room for row in rows for room in re.findall(r"`([a-z]+)/`", row))
    assert rooms == sorted(path.parent.name for path in (ROOT / "raymesh").glob("*/__init__.py"))


def test_every_command_of_a_page_is_a_command() -> None:
    known = {*COMMANDS, *(f"ports {name}" for name in PORTS.commands)}
    known |= {"lint", "--help"}  # the first is answered with the right command
    for path in DOCS:
        named = set(re.findall(r"`(?:raymesh) ((?:ports )?[a-z-]+)", path.read_text())) - {"ports"}
        assert named <= known, name(path)
