"""Whether the disk has room for what is about to be made."""

from __future__ import annotations

import shutil
from pathlib import Path

from raymesh.errors import EnvironmentFault
from raymesh.paths import cache_dir

MARGIN_GIB = 1.0  # logs, artifacts, and whoever else writes meanwhile


def demand(gib: float, what: str, folder: Path | None = None) -> None:
    """Raise EnvironmentFault unless so many GiB are free where the caches are, besides some for all else."""
    there = next(path for path in (folder or cache_dir(), *(folder or cache_dir()).parents) if path.exists())
    free, need = shutil.disk_usage(there).free / 2**30, gib + MARGIN_GIB
    if free < need:
        raise EnvironmentFault(
            f"the disk of {there} has {free:.1f} GiB free, and {need:.1f} are needed: {what}",
            f"free {need - free:.1f} GiB, such as by `raymesh clean --images`, "
            "or let XDG_CACHE_HOME name a folder on a larger disk",
        )
