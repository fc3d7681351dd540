"""One cached Python environment per Ray version: made once through the machine's own pip settings, offline afterwards.

Versions that we measured have a lock with hashes in locks/, compiled as of a day shortly after their release, because
an old Ray does not start beside today's libraries. Any other version is resolved when it is first asked for.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from raymesh import deadlines
from raymesh.errors import CommandError, EnvironmentFault
from raymesh.machine import trust
from raymesh.machine.locks import exclusive
from raymesh.machine.programs import run
from raymesh.progress import Progress

LOCKS = Path(__file__).with_name("locks")
PYTHON = (3, 11)
MARKER = "raymesh-complete"


@dataclass(frozen=True)
class RayEnvironment:
    """An environment that holds Ray `version`."""

    version: str
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def ray(self) -> Path:
        return self.folder / "bin" / "ray"


def locked_versions() -> list[str]:
    """Versions whose whole environment is pinned by hash."""
    return [path.stem for path in LOCKS.glob("*.txt")]


def environment(version: str, progress: Progress) -> RayEnvironment:
    """The environment of this Ray version, made now if the cache has none that is whole and made from this lock.

    Raises EnvironmentFault where it can't be made.
    """
    folder = trust.folder(trust.cache() / "ray") / version
    made = RayEnvironment(version, folder)
    lock = LOCKS / f"{version}.txt"
    want = hashlib.sha256(lock.read_bytes() if lock.is_file() else b"no lock").hexdigest()
    marker = folder / MARKER
    with exclusive(folder.parent / f"{version}.lock", what=f"the environment of Ray {version}", say=progress.say):
        if folder.exists():
            trust.check(folder)
        if not (marker.is_file() and marker.read_text() == want):
            with progress.phase(f"environment of Ray {version}"), ExitStack() as on_failure:
                on_failure.callback(shutil.rmtree, folder, ignore_errors=True)
                _make(made, lock)
                marker.write_text(want)
                on_failure.pop_all()
    return made


def _make(made: RayEnvironment, lock: Path) -> None:
    shutil.rmtree(made.folder, ignore_errors=True)
    what = ["--require-hashes", "--requirement", lock] if lock.is_file() else [f"ray[default,serve]=={made.version}"]
    python = _interpreter()
    try:
        run([python, "-m", "venv", made.folder], timeout=deadlines.INSTALL)
        # pip that is ended leaves what it unpacked: here it goes with the folder.
        scratch = made.folder / "tmp"
        scratch.mkdir()
        words = [made.python, "-m", "pip", "install", "--quiet", "--no-cache-dir", *what]
        run(words, timeout=deadlines.INSTALL, env={"TMPDIR": str(scratch)})
        shutil.rmtree(scratch)
    except CommandError as error:
        raise EnvironmentFault(
            f"cannot make an environment with Ray {made.version}: {error}",
            "check that pip reaches a package index, and that this Ray version has a wheel for Python 3.11",
        ) from error


def _interpreter() -> str:
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    name = "python{}.{}".format(*PYTHON)
    found = shutil.which(name)
    if not found:
        raise EnvironmentFault(
            f"no {name} on PATH", f"install {name}: every Ray version that we audit has wheels for it"
        )
    return found
