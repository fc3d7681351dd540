"""The artifacts folder of a run: the one place through which evidence reaches the disk, redacted and 0600.

A marker file in the folder names every file that a run put there. The next run removes those by name, and nothing else:
what a person keeps beside them stays, and what an earlier run left never looks like this one's.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from raymesh.errors import EnvironmentFault, UsageError
from raymesh.evidence.redact import Form, redact

MARKER = ".raymesh-artifacts"
HEADING = "raymesh's artifacts; the next run removes the files that are named here\n"
UNSAFE = re.compile(r"[^\w.-]+")
FOLDER_MODE, FILE_MODE = 0o700, 0o600
HIDDEN = "."
ANOTHER = "name another folder with --artifacts"


class Artifacts:
    """Files of one run, each redacted on its way to the disk and counted.

    Names are relative, with slashes: `raw/kiali-graph.json`. What a file system could trip over becomes a dash.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._marker = -1
        self._texts: dict[str, int | None] = {}  # own files by name, and the hash of what was last written
        self._taken: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make the folder this run's: remove what the last run named in its marker, and begin a new one.

        Whoever calls it has the folder alone. Raises UsageError where it holds other things or is another user's.
        """
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            strangers = [name for name in os.listdir(self.folder) if not name.startswith(HIDDEN)]  # noqa: PTH208 - names
            if strangers and not (self.folder / MARKER).exists():
                raise UsageError(
                    f"--artifacts: {self.folder} holds things that raymesh did not put there ({_some(strangers)}); "
                    f"name a folder that is new or empty"
                )
            self._marker = os.open(self.folder / MARKER, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
        except OSError as error:
            raise UsageError(f"--artifacts: {self.folder} can't be used: {error.strerror}; {ANOTHER}") from error
        if os.fstat(self._marker).st_uid != os.geteuid():
            raise UsageError(f"--artifacts: {self.folder} holds the artifacts of another user; {ANOTHER}")
        for name in self._marked()[1:]:
            with suppress(ValueError):  # a line that was cut off when its run was killed
                self._remove(_safe(name))
        os.ftruncate(self._marker, 0)
        os.lseek(self._marker, 0, os.SEEK_SET)
        os.write(self._marker, HEADING.encode())

    def close(self) -> None:
        """Nothing more will be written; the end of the process does the same."""
        os.close(self._marker)

    def write(self, name: str, text: str, form: Form) -> Path:
        """Write `text` without its secrets, for the owner's eyes alone; the last one of a name stays.

        Raises UsageError where something of that name is there that this run did not write, and EnvironmentFault
        where the disk does not take it.
        """
        name = _safe(name)
        if self._texts.get(name) != hash(text):  # a witness that is polled often says the same
            self._keep(name, text, form)
        return self.folder / name

    def derive(self, name: str, text: str) -> Path:
        """Write what was made of files of this folder alone, which are without secrets already. Raises as `write`."""
        name = _safe(name)
        with self._lock:
            self._claim(name)
            self._put(name, text)
            self._texts[name] = hash(text)
        return self.folder / name

    def names(self) -> tuple[str, ...]:
        """Return the names of the files that this run wrote so far, sorted."""
        with self._lock:
            return tuple(sorted(name for name, written in self._texts.items() if written is not None))

    def claim(self, name: str) -> Path:
        """Say that somebody else will write this file, so that the next run knows it as ours; see `adopt`."""
        name = _safe(name)
        with self._lock:
            self._claim(name)
        return self.folder / name

    def adopt(self, name: str, form: Form) -> None:
        """Redact in place a file that was claimed, now that somebody else wrote it; nothing if nobody did."""
        path = self.claim(name)
        if path.is_file():
            self._keep(_safe(name), path.read_text(errors="replace"), form)

    def taken_out(self) -> Counter[str]:
        """Return how often something was taken out of the files as they are now, by kind."""
        with self._lock:
            return sum(self._taken.values(), Counter())

    def _marked(self) -> list[str]:
        with os.fdopen(self._marker, encoding="utf-8", errors="replace", closefd=False) as marker:
            marker.seek(0)
            return marker.read().splitlines()

    def _keep(self, name: str, text: str, form: Form) -> None:
        redacted = redact(text, form)
        with self._lock:
            self._claim(name)
            self._put(name, redacted.text)
            self._texts[name] = hash(text)
            self._taken[name] = redacted.counts

    def _claim(self, name: str) -> None:
        if name in self._texts:
            return
        if os.path.lexists(self.folder / name):
            raise UsageError(f"--artifacts: {self.folder / name} is there and raymesh did not write it; {ANOTHER}")
        os.write(self._marker, f"{name}\n".encode())  # before the file is there: a run may end at any moment
        self._texts[name] = None

    def _put(self, name: str, text: str) -> None:
        path = PurePosixPath(name)
        part = f"{path.name}.part"
        try:
            with self._folder_of(path, make=True) as folder:
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=folder)
                new = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE, dir_fd=folder)
                with os.fdopen(new, "w", encoding="utf-8", errors="replace", newline="") as file:
                    file.write(text)
                os.replace(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            raise EnvironmentFault(
                f"{self.folder / name} can't be written: {error.strerror}",
                "free space on its disk or name another folder: --artifacts",
            ) from error

    def _remove(self, name: str) -> None:
        path = PurePosixPath(name)
        with suppress(OSError), self._folder_of(path) as folder:
            for own in (path.name, f"{path.name}.part"):
                with suppress(FileNotFoundError):
                    os.unlink(own, dir_fd=folder)
        for parent in list(path.parents)[:-1]:
            with suppress(OSError), self._folder_of(parent) as folder:  # it stays while something else is in it
                os.rmdir(parent.name, dir_fd=folder)

    @contextmanager
    def _folder_of(self, path: PurePosixPath, *, make: bool = False) -> Iterator[int]:
        """Open the folder that holds `path` step by step, so that no link on the way leads out of ours."""
        with ExitStack() as opened:
            here = _opened(self.folder, None, opened)
            for part in path.parts[:-1]:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, FOLDER_MODE, dir_fd=here)
                here = _opened(part, here, opened, os.O_NOFOLLOW)
            yield here


def _opened(path: Path | str, below: int | None, stack: ExitStack, flags: int = 0) -> int:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | flags, dir_fd=below)
    stack.callback(os.close, folder)
    return folder


def _safe(name: str) -> str:
    """Return `name` with dashes for what a file system could trip over. Raises ValueError where it leads elsewhere."""
    parts = [UNSAFE.sub("-", part) for part in name.split("/")]
    if not all(part.strip(".") for part in parts):
        raise ValueError(f"no name for an artifact: {name!r}")
    return "/".join(parts)


def _some(names: list[str]) -> str:
    shown = sorted(names)[:3]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
