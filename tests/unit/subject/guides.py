"""The guide's subject, as a run on a cluster made here applies it."""

from __future__ import annotations

from raymesh.lane import load_lane
from raymesh.mesh import guide
from raymesh.ports import parse_version
from raymesh.subject import placing
from raymesh.subject.wanted import Around, Wanted, wanted_of


def guides(lane_name: str = "seed", *, stock_proxy: bool = True) -> Wanted:
    """Return the guide's subject of a lane."""
    lane = load_lane(lane_name)
    texts, _ = guide.texts(lane)
    around = Around(kuberay=parse_version(lane.kuberay), istio=lane.istio_minor)
    return placing.as_applied(
        wanted_of(texts, around), {}, "here/ray:1", lane.ray, images_of_ours=True, stock_proxy=stock_proxy
    )[0]
