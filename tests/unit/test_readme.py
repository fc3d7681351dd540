"""README says what is so: its options are those of settings, its links and commands lead somewhere."""

from __future__ import annotations

import re

from raymesh.paths import ROOT
from raymesh.settings import OPTIONS

TEXT = (ROOT / "README.md").read_text()


def test_the_options_are_those_that_there_are() -> None:
    rows = re.findall(r"^\| `(--[\w-]+)` \| `(\w+)` \| `(\w+)` \|", TEXT, re.MULTILINE)
    assert rows == [(option.flag, option.variable, option.default) for option in OPTIONS]


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_commands_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([\w-]+)", TEXT, re.MULTILINE))
    assert {"test", "e2e", "clean-lab", "clean-caches"} <= named
    assert named <= targets
