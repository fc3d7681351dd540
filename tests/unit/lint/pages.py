"""The examples that stand in the pages of rules."""

from __future__ import annotations

import re

from raymesh.lint.catalog import PAGES

_BLOCK = re.compile(r"^## (Fails|Passes)\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page_examples() -> tuple[dict[str, str], dict[str, str]]:
    """What fails and what passes, by rule."""
    found: dict[str, dict[str, str]] = {"Fails": {}, "Passes": {}}
    for page in sorted(PAGES.glob("RM*.md")):
        for kind, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            found[kind][page.stem] = text
    return found["Fails"], found["Passes"]
