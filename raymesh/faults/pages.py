"""Writes docs/verdicts/: `python -m raymesh.faults.pages`."""

from __future__ import annotations

from collections.abc import Mapping

from raymesh.faults.registry import EXCUSED, FAULTS
from raymesh.paths import ROOT
from raymesh.verdicts.pages import pages

FOLDER = ROOT / "docs" / "verdicts"


def current() -> Mapping[str, str]:
    """Return each page as it has to be now, by its file name."""
    return pages(FAULTS, EXCUSED)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in current().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
