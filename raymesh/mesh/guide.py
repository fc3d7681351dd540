"""The subject of a run that names none: the guide's, from manifests/ray/."""

from __future__ import annotations

from raymesh.generate import guide
from raymesh.lane import Lane, load_lane


def texts(lane: Lane) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the guide's manifests by their path, and what to tell of them.

    They are the file of the lane as it stands. It is for the Ray and the KubeRay of the lane: for others (`--set`) what
    is written into such a file is made now.
    """
    path = guide.FOLDER / f"{lane.name}.yaml"
    named = f"manifests/ray/{path.name}"
    pinned = load_lane(lane.name)
    if (pinned.ray, pinned.kuberay) == (lane.ray, lane.kuberay):
        return {named: path.read_text(encoding="utf-8")}, ()
    why = f"{named} is for Ray {pinned.ray} and KubeRay {pinned.kuberay}"
    made = f"the guide's manifests are made for Ray {lane.ray} and KubeRay {lane.kuberay}: {why}"
    return {named: guide.text(lane)}, (made,)
