"""Changes files without ever leaving a harmed one: every byte of all of them is the old one, or all are the new ones.

A new text goes into a temporary file beside the old one and to the disk; only when all are there they take the place
of the old ones by a rename, which is one step for the file system. Before that each file is read again: what somebody
saved meanwhile is not overwritten. On Linux the two files change places, and the old one is read once more then: no
save by a rename is lost between the last look and ours (who writes into the file itself in those microseconds can't be
told). Mode, owner and extended attributes are kept, a symbolic link stays one.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from difflib import unified_diff
from pathlib import Path
from tempfile import mkstemp

from raymesh.errors import UsageError
from raymesh.frozen import frozen
from raymesh.manifests.places import shown

_BOM = b"\xef\xbb\xbf"
_UNTOUCHED = "no file was changed"
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD of fcntl.h, RENAME_EXCHANGE of linux/fs.h
_NO_SUCH_ATTRIBUTE = (errno.ENODATA, errno.ENOTSUP)


@frozen
class _Change:
    path: Path  # of the file itself, links followed
    told: str  # as the user named it
    old: bytes
    new: bytes
    meta: os.stat_result


def replace_files(read: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Give files their new texts, all or none; the paths that changed.

    Args:
        read: what was read from each path, with its line endings, without a byte order mark.
        wanted: what each path shall hold; one whose text is as it was read is left alone.

    Raises:
        UsageError: a file can't be written or is not as it was read. No file was changed then.

    """
    changes = [_change(path, read[path], text) for path, text in wanted.items() if text != read[path]]
    with ExitStack() as leftovers:
        fresh = [_stage(change, change.new, leftovers) for change in changes]
        backups = [_stage(change, change.old, leftovers) for change in changes[:-1]]
        for change in changes:
            _check_unchanged(change)
        for at, change in enumerate(changes):
            try:
                _put(fresh[at], change)
            except (OSError, UsageError) as error:
                for earlier, backup in zip(changes[:at], backups, strict=False):
                    if earlier.path.read_bytes() == earlier.new:  # else somebody has saved it since
                        backup.replace(earlier.path)
                raise error if isinstance(error, UsageError) else _refused(change.told, error) from error
        for folder in {change.path.parent for change in changes}:
            _sync(folder)
    return [change.told for change in changes]


def as_diff(read: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """What differs, line by line; control characters are shown, not sent to a terminal."""
    lines: list[str] = []
    for path, text in wanted.items():
        name = shown(path)
        old, new = read[path].split("\n"), text.split("\n")
        lines.extend(unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""))
    return "".join(f"{shown(line.removesuffix(chr(13)), keep=chr(9))}\n" for line in lines)


def _change(told: str, old: str, new: str) -> _Change:
    path = Path(os.path.realpath(told))
    try:
        raw, meta = path.read_bytes(), path.stat()
    except OSError as error:
        raise _refused(told, error) from error
    if not stat.S_ISREG(meta.st_mode):
        raise UsageError(f"{shown(told)}: not a file that can be replaced; {_UNTOUCHED}")
    if meta.st_nlink > 1:
        raise UsageError(
            f"{shown(told)}: has {meta.st_nlink} hard links, and a new file would part it from the others; {_UNTOUCHED}"
        )
    # root may write it all the same, but whoever took the right away meant it
    if not meta.st_mode & _ANY_WRITE or not os.access(path, os.W_OK):
        raise UsageError(f"{shown(told)}: can't be written: it is read-only; {_UNTOUCHED}")
    mark = _BOM if raw.startswith(_BOM) else b""
    if raw != mark + old.encode():
        raise _saved_meanwhile(told)
    return _Change(path, told, raw, mark + new.encode(), meta)


def _stage(change: _Change, content: bytes, leftovers: ExitStack) -> Path:
    """A file beside the changed one, on the disk, with its rights. It is removed at the end, if it still is there."""
    try:
        descriptor, name = mkstemp(dir=change.path.parent, prefix=".raymesh-", suffix=".new")
        leftovers.callback(_remove, Path(name))
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _same_rights(change, descriptor)
            os.fsync(descriptor)
    except OSError as error:
        raise _refused(change.told, error) from error
    return Path(name)


def _same_rights(change: _Change, descriptor: int) -> None:
    made = os.fstat(descriptor)
    if sys.platform == "win32":
        return
    if (made.st_uid, made.st_gid) != (change.meta.st_uid, change.meta.st_gid):
        os.fchown(descriptor, change.meta.st_uid, change.meta.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(change.meta.st_mode))
    if sys.platform == "linux":
        for name in _attributes(change.path):
            value = os.getxattr(change.path, name)
            if _attribute(descriptor, name) != value:
                os.setxattr(descriptor, name, value)


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path)
    except OSError as error:
        if error.errno in _NO_SUCH_ATTRIBUTE:
            return []  # a file system without them
        raise


def _attribute(descriptor: int, name: str) -> bytes | None:
    try:
        return os.getxattr(descriptor, name)
    except OSError as error:
        if error.errno in _NO_SUCH_ATTRIBUTE:
            return None
        raise


def _put(fresh: Path, change: _Change) -> None:
    """Give the file its new text. Raises UsageError where it is not as it was read, and has what was saved last."""
    if not _swapped(fresh, change.path):
        fresh.replace(change.path)
        return
    put, out = change.new, fresh.read_bytes()
    if out == change.old:
        return
    while _swapped(fresh, change.path):  # what came out goes back, unless something newer comes out for it
        newest = fresh.read_bytes()
        if newest == put:
            break
        put, out = out, newest
    raise _saved_meanwhile(change.told)


def _swapped(one: Path, other: Path) -> bool:
    """Have two files change places in one step; False where this system, or this file system, can't."""
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415 - for changed files alone, and start-up should be short

    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return exchange is not None and exchange(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE) == 0


def _check_unchanged(change: _Change) -> None:
    try:
        if change.path.read_bytes() == change.old:
            return
    except OSError as error:
        raise _refused(change.told, error) from error
    raise _saved_meanwhile(change.told)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _sync(folder: Path) -> None:
    """The rename itself to the disk; not every file system can, and the files are right either way."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refused(told: str, error: OSError) -> UsageError:
    return UsageError(f"{shown(told)}: can't be written: {error.strerror or error}; {_UNTOUCHED}")


def _saved_meanwhile(told: str) -> UsageError:
    return UsageError(f"{shown(told)}: somebody saved it meanwhile; {_UNTOUCHED}: run it again")
