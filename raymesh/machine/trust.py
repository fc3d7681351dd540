"""Whether a folder is ours alone: nothing is run from, or locked in, a place that another user can change."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from raymesh.errors import EnvironmentFault
from raymesh.paths import cache_dir

CURE = "use `sudo -H` (not -E), or let XDG_CACHE_HOME name a folder of this user's, such as /var/cache/raymesh for root"


def folder(path: Path) -> Path:
    """Return `path`, made for this user alone where it is missing.

    Raises EnvironmentFault where another user could change what is in it: as root that is asked of every folder above
    it too, for root runs what it finds here.
    """
    _check_above(path)  # before anything is made there
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EnvironmentFault(f"can't make the folder {path}: {error.strerror}", CURE) from error
    check(path)
    return path


def cache() -> Path:
    """Return the cache folder, made where it is missing. Raises EnvironmentFault where it is not ours alone."""
    return folder(cache_dir())


def check(path: Path) -> None:
    """Raise EnvironmentFault unless `path` is this user's (or root's) and nobody else may write to it."""
    _check_above(path)
    _check_one(path.resolve())


def check_tree(path: Path) -> None:
    """Check `path` and all that is below it: a toolbox, a folder of programs."""
    check(path)
    for found in path.rglob("*"):
        if not found.is_symlink():  # where it leads to is in a tree that is checked, or is the machine's own
            _check_one(found)


def _check_above(path: Path) -> None:
    if os.geteuid() != 0:
        return  # a user's own folders: who may change those above them is nothing that raymesh could know
    for above in {*path.absolute().parents, *path.resolve().parents}:
        if above.exists():
            _check_one(above, sticky_is_fine=True)


def _check_one(path: Path, *, sticky_is_fine: bool = False) -> None:
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise EnvironmentFault(f"{path} belongs to {_name(found.st_uid)}, and this runs as {_name(os.geteuid())}", CURE)
    others = found.st_mode & stat.S_IWOTH
    if os.geteuid() == 0 and found.st_gid != 0:
        others |= found.st_mode & stat.S_IWGRP
    if others and not (sticky_is_fine and found.st_mode & stat.S_ISVTX):
        raise EnvironmentFault(
            f"{path} can be changed by other users (mode {stat.S_IMODE(found.st_mode):o}), and this runs what is in it",
            f"chmod go-w {path}, if you know what is in it; else remove it, and it is made anew",
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
