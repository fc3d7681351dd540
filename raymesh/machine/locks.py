"""Locks between processes, so that two runs at once do not corrupt or end what they share."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import logging
import os
import stat
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from raymesh.errors import EnvironmentFault, InUse, WaitTimeout
from raymesh.machine import trust
from raymesh.paths import cache_dir
from raymesh.waiting import wait_for

LOG = logging.getLogger(__name__)
ROOTS_FOLDER = Path("/run/raymesh.lock.d")
WAIT_SECONDS = 1800.0
EVERY_SECONDS = 0.2
SHOWN_CHARS = 120
Say = Callable[[str], None]


def of_machine(name: str) -> Path:
    """Return the lock file for something of which this user has one on the whole machine, whatever its cache."""
    return _folder() / name


def of_folder(folder: Path) -> Path:
    """Return the lock file for a folder that one run at a time may write to."""
    return _folder() / f"folder-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"


def of_caches() -> Path:
    """Return the lock file that everyone holds who uses what is in the cache folder, an engine's data among it."""
    return cache_dir() / "in-use.lock"


def _folder() -> Path:
    if os.geteuid() == 0:
        return ROOTS_FOLDER
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "raymesh.lock.d" if runtime else cache_dir() / "locks"


@dataclass(frozen=True)
class Held:
    """A lock that this process holds; the kernel releases it when the process ends, however it ends."""

    path: Path
    descriptor: int

    def alone(self) -> bool:
        """Tell of a shared lock whether nobody else holds it. It may be let go and taken again for that."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self.descriptor, fcntl.LOCK_SH)
        return True


@contextlib.contextmanager
def exclusive(path: Path, *, what: str = "", within: float = WAIT_SECONDS, say: Say = LOG.warning) -> Iterator[Held]:
    """Hold the lock file `path` alone. `what` says what it stands for, `within` is seconds; 0: now or not at all.

    Whoever waits says for whom. Raises InUse, which names the holder, when the seconds have passed.
    """
    with _held(path, fcntl.LOCK_EX, what, within, say) as held:
        yield held


@contextlib.contextmanager
def shared(path: Path, *, what: str = "", within: float = WAIT_SECONDS, say: Say = LOG.warning) -> Iterator[Held]:
    """Hold the lock file `path` beside other holders of the same kind; as `exclusive` else."""
    with _held(path, fcntl.LOCK_SH, what, within, say) as held:
        yield held


def remove_free() -> None:
    """Remove the lock files of this user that nobody holds, and their folder where it is empty then."""
    folder = _folder()
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(InUse), exclusive(path, within=0):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def holders(path: Path) -> list[psutil.Process]:
    """Return the processes that hold the lock file, as far as they can be seen from here (/proc/locks)."""
    try:
        found = path.stat()
        rows = [row.split() for row in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return []
    # 12: FLOCK  ADVISORY  WRITE 4711 00:1b:393 0 EOF; one that waits has "->" after its number.
    taken = [(row[4], row[5].split(":")) for row in rows if row[1] == "FLOCK"]
    device = f"{os.major(found.st_dev):02x}", f"{os.minor(found.st_dev):02x}"
    pids = [pid for pid, (major, minor, inode) in taken if (major, minor, int(inode)) == (*device, found.st_ino)]
    # Layered file systems name another device there than stat does.
    pids = pids or [pid for pid, (_, _, inode) in taken if int(inode) == found.st_ino]
    processes = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            processes.append(psutil.Process(int(pid)))
    return processes


def who(path: Path) -> str:
    """Name the holders of a lock file for a person."""
    return "; ".join(described(process) for process in holders(path)) or "a process that can't be seen from here"


def described(process: psutil.Process) -> str:
    """Name a process for a person: number, user, since when, command line."""
    try:
        since = datetime.datetime.fromtimestamp(process.create_time()).strftime("%H:%M:%S")
        command = textwrap.shorten(" ".join(process.cmdline()), SHOWN_CHARS)
        return f"process {process.pid} of {process.username()}, since {since}: {command}"
    except psutil.Error:
        return f"process {process.pid}"


@contextlib.contextmanager
def _held(path: Path, kind: int, what: str, within: float, say: Say) -> Iterator[Held]:
    taken: list[int] = []
    told: list[str] = []

    def attempt() -> bool:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            holder = who(path)
            if within and holder not in told:
                told.append(holder)
                say(f"waiting up to {within:g} s for {what or path}: in use by {holder}")
            return False
        if not _is_there(path, descriptor):  # removed between opening and locking: the next one is another file
            os.close(descriptor)
            return False
        taken.append(descriptor)
        return True

    try:
        wait_for(f"lock {path}", attempt, until=bool, within=within, every=EVERY_SECONDS)
    except WaitTimeout:
        after = f", still after {within:g} s" if within else ""
        raise InUse(
            f"{what or path} is in use by {who(path)}{after}", "wait until that ends, or end it with Ctrl-C"
        ) from None
    try:
        yield Held(path, taken[0])
    finally:
        os.close(taken[0])


def _open(path: Path) -> int:
    """Open a lock file, which is ours alone: neither a link that leads elsewhere nor one that others may hold."""
    trust.folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EnvironmentFault(f"can't open the lock file {path}: {error.strerror}", f"remove {path}") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(descriptor)
        raise EnvironmentFault(f"the lock file {path} is not a file of this user", f"remove {path}")
    os.fchmod(descriptor, 0o600)
    return descriptor


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except OSError:
        return False
