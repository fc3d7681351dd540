"""`raymesh clean` removes what runs left on this machine, however they ended; `--caches` more of it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from raymesh.audit import hosts
from raymesh.errors import EnvironmentFault, InUse, RaymeshError, UsageError
from raymesh.images import given, pruning, workshop
from raymesh.images.recipes import REPOSITORY
from raymesh.lane import Lane, lane_names, load_lane
from raymesh.machine import engine as engines
from raymesh.machine import locks, netns, owned, ownership
from raymesh.machine.engine import Engine
from raymesh.paths import cache_dir
from raymesh.platform import existing, kind, spaces
from raymesh.progress import Progress
from raymesh.waiting import wait_for

GONE_SECONDS = 20
SHOWN_CHARS = 160
# Folders that whoever makes them removes, unless it is killed; and the lock that it holds.
SCRATCH = {"root-*": workshop.LOCK, "context-*": workshop.LOCK, f"{given.SCRATCH}*": given.LOCK}

Say = Callable[[str], None]


HELP = "remove what runs left on this machine, however they ended"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `raymesh clean`."""
    parser.add_argument("--context", metavar="NAME", help="remove what killed runs left in this cluster, and no more")
    parser.add_argument(
        "--images", action="store_true", help="remove images, and parts of them, that no lane needs, and no more"
    )
    parser.add_argument(
        "--keep",
        action="append",
        metavar="LANE",
        help="with --images: a lane that keeps its own, repeatable (default: all)",
    )
    parser.add_argument("--caches", action="store_true", help=f"remove {cache_dir()} and the images made here, too")


def run(arguments: argparse.Namespace) -> int:
    """Remove all, line by line; 0 where nothing is left, 1 where something could not be removed."""
    if arguments.keep and not arguments.images:
        raise UsageError("--keep goes with --images: it names a lane whose images stay")
    if arguments.context:
        return _borrowed(arguments.context)
    if arguments.images:
        return _unneeded_images([load_lane(name) for name in arguments.keep or lane_names()])
    removed: list[str] = []

    def say(what: str) -> None:
        removed.append(what)
        print(f"removed: {what}", flush=True)

    steps = [_orphans, _users_clusters, _private_engine, _audited_hosts, _scratch]
    if arguments.caches:  # the private engine's clusters live in them
        steps = [_orphans, _users_clusters, _users_images, _private_engine, _audited_hosts, _caches]
    failed = False
    for step in steps:
        failed |= not _done(step, say)
    locks.remove_free()
    if not removed and not failed:
        print("nothing of raymesh is left here")
    return int(failed)


def _borrowed(context: str) -> int:
    """Remove the namespaces that killed runs made in a borrowed cluster; those of living ones are named and left."""
    kube = existing.borrowed(context)
    for name in spaces.remove_stale(kube):
        print(f"removed: namespace {name} with all that was in it", flush=True)
    left = spaces.found(kube)
    for space in left:
        print(f"in use: namespace {space.name}, of {space.owner}, at most until {space.until:%Y-%m-%d %H:%M} UTC")
    if not left:
        print(f"nothing of raymesh is left in {context}")
    return int(bool(left))


def _unneeded_images(lanes: list[Lane]) -> int:
    """Remove what of images these lanes do not need; 1 where something of it is in use.

    Nobody may use the caches meanwhile: whoever has chosen an image, and did not start it yet, still wants it.
    """
    progress, before = Progress(), _free()

    def say(what: str) -> None:
        print(f"removed: {what}", flush=True)

    used: list[str] = []
    with (
        locks.exclusive(locks.of_caches(), what=f"the cache folder {cache_dir()}", within=0),
        locks.exclusive(cache_dir() / workshop.LOCK, what="the building of images", within=0),
    ):
        for engine in _engines(progress):
            used += pruning.prune(pruning.needed(lanes, engine, progress), engine, say)
    for what in used:
        print(f"in use: {what}")
    print(
        f"kept: what {', '.join(lane.name for lane in lanes)} can use; {_free() / 2**30:.1f} GiB are free, "
        f"{(_free() - before) / 2**30:.1f} more than before"
    )
    return int(bool(used))


def _free() -> int:
    there = next(path for path in (cache_dir(), *cache_dir().parents) if path.exists())
    return shutil.disk_usage(there).free


def _engines(progress: Progress) -> Iterator[Engine]:
    """Yield the user's engine and raymesh's own, which is started for it where it does not run."""
    found = engines.users_engine()
    if found:
        yield found
    if os.geteuid() != 0 or not (cache_dir() / "engine" / "data").exists():
        return
    with engines.reserved():
        there = engines.running(progress)
        try:
            yield there or engines.started(progress)
        finally:
            if not there:
                engines.remove_private()


def _done(step: Callable[[Say], None], say: Say) -> bool:
    """Take one step; where it fails, the others are still taken."""
    try:
        step(say)
    except RaymeshError as error:
        print(f"clean-up: {error}", file=sys.stderr)
        return False
    return True


def _orphans(say: Say) -> None:
    found = ownership.orphans()
    ownership.end_orphans()
    for pid, command in found.items():
        say(f"process {pid} of a killed run: {textwrap.shorten(command, SHOWN_CHARS)}")


def _users_clusters(say: Say) -> None:
    found = engines.users_engine()
    if found:
        _clusters(found, say)


def _users_images(say: Say) -> None:
    found = engines.users_engine()
    if not found:
        return
    form = "{{.Repository}}:{{.Tag}}"
    for name in found.docker("image", "ls", "--filter", f"reference={REPOSITORY}/*", "--format", form).stdout.split():
        found.docker("image", "rm", "--force", name)
        say(f"image {name}")


def _private_engine(say: Say) -> None:
    """Remove the private engine's clusters, for which a killed one is started once more, and then the engine."""
    traces = engines.private_traces()
    if not traces and not engines.holds_containers():
        return
    if os.geteuid() != 0:
        raise EnvironmentFault(f"a private engine of root is on this machine: {', '.join(traces)}", "run this as root")
    with engines.reserved():
        try:
            if engines.holds_containers():
                _clusters(engines.running(Progress()) or engines.started(Progress()), say)
        finally:  # with clusters that could not be removed in order
            wait_for("no trace of the private engine", _ended, until=lambda left: not left, within=GONE_SECONDS)
            for trace in traces:
                say(f"private engine: {trace}")


def _ended() -> list[str]:
    engines.remove_private()
    return engines.private_traces()


def _clusters(engine: Engine, say: Say) -> None:
    used: list[str] = []
    for name in kind.ours(engine):
        try:
            with locks.exclusive(kind.lock(name), what=f"the cluster {name}", within=0):
                kind.remove(name, engine, Progress())
                say(f"cluster {name}")
        except InUse as error:
            used.append(error.cause)
    if used:
        raise InUse("; ".join(used), "wait until that ends, or end it with Ctrl-C")


def _audited_hosts(say: Say) -> None:
    names = [*netns.present(), *(path.name for path in Path(tempfile.gettempdir()).glob(f"{owned.PREFIX}-*"))]
    stale = sorted({name for name in names if owned.is_stale(name)})
    hosts.remove_stale()
    for name in stale:
        say(f"host of a killed audit: {name}")


def _scratch(say: Say) -> None:
    for pattern, lock in SCRATCH.items():
        found = [path for path in cache_dir().glob(pattern) if path.is_dir()]
        if found:
            with locks.exclusive(cache_dir() / lock, what="a folder of an image on its way", within=0):
                for folder in found:
                    _remove(folder, say)


def _caches(say: Say) -> None:
    if engines.private_traces():
        raise EnvironmentFault("the private engine could not be ended, and its data is in the caches", "see above")
    if cache_dir().exists():
        with (
            locks.exclusive(locks.of_caches(), what=f"the cache folder {cache_dir()}", within=0),
            locks.exclusive(cache_dir() / workshop.LOCK, what=f"the cache folder {cache_dir()}", within=0),
        ):
            _remove(cache_dir(), say)


def _remove(folder: Path, say: Say) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise EnvironmentFault(f"can't remove {folder}: {error}", "run this as the user that made it") from error
    say(f"folder {folder}")
