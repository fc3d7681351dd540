"""A lane with other versions than its row: which can be had, and which are known not to work together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from raymesh.errors import UsageError
from raymesh.images.recipes import versions_of
from raymesh.lane import Lane, lane_names, load_lane
from raymesh.paths import in_tree
from raymesh.ports import OLDEST, parse_version
from raymesh.ports.versions import Version, avoid_reason

LOCKS = in_tree("raymesh/audit/locks")
BY_FOLDER = ("kubernetes", "istio", "kuberay", "kiali", "jaeger")
BY_LANES = ("etcd", "prometheus")  # Debian's, of which there is one, and what a lane has in its place
PROGRAMS = (*BY_FOLDER, "ray", "envoy", *BY_LANES)
# kubeadm passes etcd the flags of 3.5 before 1.34 and those of 3.6 from 1.36 on; between them it looks at the image's
# tag (cmd/kubeadm/app/phases/etcd/local.go and app/constants of 1.33.13, 1.34.11, 1.35.8 and 1.36.4).
TAKES_ETCD_3_6, NEEDS_ETCD_3_6, ETCD_3_6 = Version(1, 34), Version(1, 36), Version(3, 6)


def buildable(program: str) -> list[str]:
    """Return the versions that image source `build` has of a program, the oldest first."""
    if program == "ray":
        return sorted((path.stem for path in LOCKS.glob("*.txt")), key=_numbers)
    if program in BY_LANES:
        return sorted({load_lane(name).as_built().versions[program] for name in lane_names()}, key=_numbers)
    return versions_of("sidecar" if program == "envoy" else program)


def bumped(lane: Lane, changes: Sequence[str], *, pulled: bool) -> Lane:
    """Return the lane with each PROGRAM=VERSION of `changes`, which then serves in image source `build`, too.

    Raises UsageError for an unknown program, for a version that can't be had here unless images are `pulled`, and for
    versions that are known not to work together.
    """
    told: dict[str, str] = {}
    for change in changes:
        program, _, version = change.partition("=")
        if program not in PROGRAMS or not version:
            raise UsageError(f"--set {change!r}: PROGRAM=VERSION, of {', '.join(PROGRAMS)}")
        if program in told:
            raise UsageError(f"--set {change!r}: {program} is told twice, {told[program]} before")
        told[program] = version
    for program, version in told.items():
        if not pulled or program == "kuberay":  # its manifests come out of its Go module, wherever images come from
            _refuse_what_can_not_be_had(program, version)
    made = replace(
        lane,
        **told,  # type: ignore[arg-type]  # each is a field of a version, which is a word
        build={name: version for name, version in lane.build.items() if name not in told},
        digests={} if "kubernetes" in told else lane.digests,
    )
    if told:
        _refuse_what_does_not_work_together(made if pulled else made.as_built())
    return made


def nearest(version: str, among: Sequence[str]) -> str:
    """Return the newest of `among` (oldest first) that is not newer than `version`, else the oldest."""
    older = [one for one in among if _numbers(one) <= _numbers(version)]
    return older[-1] if older else among[0]


def _refuse_what_can_not_be_had(program: str, version: str) -> None:
    there = buildable(program)
    if version not in there:
        raise UsageError(
            f"--set {program}={version}: nothing here makes it; the nearest version that can be had is "
            f"{nearest(version, there)}, of {', '.join(there)}; others can only be pulled (--image-source pull)"
        )


def _refuse_what_does_not_work_together(lane: Lane) -> None:
    ray, kubernetes, etcd = (parse_version(version) for version in (lane.ray, lane.kubernetes, lane.etcd))
    if ray < OLDEST:
        raise UsageError(f"--set ray={lane.ray}: {OLDEST} is the oldest Ray whose ports are known")
    avoid = avoid_reason(ray)
    if avoid:
        raise UsageError(f"--set ray={lane.ray}: {avoid}")
    if kubernetes >= NEEDS_ETCD_3_6 and etcd < ETCD_3_6:
        raise UsageError(f"Kubernetes {lane.kubernetes} starts etcd with flags of 3.6: etcd {lane.etcd} is too old")
    if kubernetes < TAKES_ETCD_3_6 and etcd >= ETCD_3_6:
        raise UsageError(f"Kubernetes {lane.kubernetes} starts etcd with flags of 3.5: etcd {lane.etcd} is too new")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]
