"""istioctl of a lane whose images are pulled: taken out of its published image, to run on this machine."""

from __future__ import annotations

from pathlib import Path

from raymesh.lane import Lane
from raymesh.machine import locks, trust
from raymesh.machine.engine import Engine
from raymesh.progress import Progress

ROLE = "istioctl"  # below a lane's digests
INSIDE = "/usr/local/bin/istioctl"
SCRATCH_LABEL = "raymesh.scratch"
PULL_SECONDS = 600


def lock() -> Path:
    """Return the lock file of whoever takes istioctl out of an image."""
    return trust.folder(trust.cache() / "bin") / "istioctl.lock"


def pulled(lane: Lane, engine: Engine, progress: Progress) -> Path:
    """Return the program, from the cache or out of the image; the lane's digest of that image is what it is held to.

    A lane without one says so at every run: this program is trusted as far as its registry is.
    """
    digest = lane.digests.get(ROLE, "")
    image = f"docker.io/istio/istioctl:{lane.istio}" + (f"@{digest}" if digest else "")
    if not digest:
        progress.say(f"not pinned: {image}, whose program runs on this machine (lane {lane.name}, digests, {ROLE})")
    with locks.exclusive(lock(), what="istioctl", say=progress.say):
        for container in left(engine):
            engine.docker("rm", container)
        done = lock().with_name(f"istioctl-{lane.istio}-{digest.removeprefix('sha256:')[:12] or 'unpinned'}")
        if not done.exists():
            part = done.with_name(f"{done.name}.part")
            with progress.phase("pull istioctl"):
                words = ("create", "--label", f"{SCRATCH_LABEL}=istioctl", image)
                container = engine.docker(*words, timeout=PULL_SECONDS).stdout.strip()
                try:
                    engine.docker("cp", f"{container}:{INSIDE}", part)
                    part.rename(done)
                finally:
                    engine.docker("rm", container)
        trust.check(done)
    return done


def left(engine: Engine) -> list[str]:
    """Return the ids of containers that were made only for this; those of killed runs for who holds the `lock`."""
    return engine.docker("ps", "--all", "--quiet", "--filter", f"label={SCRATCH_LABEL}").stdout.split()
