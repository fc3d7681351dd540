"""RM037 to RM039: which Ray it is."""

from __future__ import annotations

from collections.abc import Iterator

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import Hit, at, rule
from raymesh.manifests.objects import image_version, version_of
from raymesh.manifests.relating import World
from raymesh.ports import avoid_reason


@rule("RM037", Severity.WARNING, "Ray version to avoid")
def rm037(world: World) -> Iterator[Hit]:
    """Versions that Ray's own guide says not to use on Kubernetes."""
    for cluster in world.objects.clusters:
        version = cluster.version
        reason = avoid_reason(version) if version else None
        if reason:
            yield Hit(at(cluster.ray_version or cluster.name), reason, "2.10.0, or 2.38.0 and newer")


@rule("RM038", Severity.WARNING, "images and rayVersion disagree")
def rm038(world: World) -> Iterator[Hit]:
    """Nodes of two Ray versions refuse each other; a wrong rayVersion misleads KubeRay."""
    for cluster in world.objects.clusters:
        said = version_of(cluster.ray_version)
        first = None
        for group in cluster.groups:
            has = image_version(group.image)
            if has is None or group.image is None:
                continue
            first = first or has
            if said is not None and has != said:
                yield Hit(
                    at(group.image),
                    f"image of group {group.name} has Ray {has}, but rayVersion is {said}",
                    "make them the same",
                )
            elif has != first:
                yield Hit(
                    at(group.image),
                    f"image of group {group.name} has Ray {has}, the head's has {first}: they refuse each other",
                    "one version for all groups",
                )


@rule("RM039", Severity.NOTE, "Ray version that the contract does not know")
def rm039(world: World) -> Iterator[Hit]:
    """What was assumed is said aloud."""
    for case in world.cases:
        cluster = case.cluster
        for note in case.contract.notes:
            yield Hit(at(cluster.ray_version or cluster.name), note)
        if cluster.version is None and world.options.ray is None:
            yield Hit(
                at(cluster.ray_version or cluster.name),
                f"{cluster.name.text} does not say its Ray version: assuming {case.contract.ray_version}",
                "set rayVersion, or lint with --ray VERSION",
            )
