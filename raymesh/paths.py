"""Where things are: the checkout or what a wheel has of it, and what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SUITE = PACKAGE / "suite"  # in a wheel alone: setup.py puts it there
ROOT = SUITE if SUITE.is_dir() else PACKAGE.parent  # of conftest.py, fixtures, images, manifests, tests


def in_tree(path: str) -> Path:
    """The file at a path of the checkout: the package's own stand beside this module wherever that is."""
    return (PACKAGE.parent if path.startswith("raymesh/") else ROOT) / path


def cache_dir() -> Path:
    """Folder for what outlives a run: tools, the private engine, Go's build cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "raymesh"
