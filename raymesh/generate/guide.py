"""The guide's headless Service and RayCluster for a lane's versions: `python -m raymesh.generate.guide` writes them.

They are the guide's, port by port, with what it lacks on these versions: a number for a port that it leaves random, the
GCS where an old KubeRay needs it declared, and the label `app`, without which traces go by another name on a new Istio.
"""

from __future__ import annotations

from dataclasses import replace

from raymesh.generate.manifests import Plan, as_yaml, check, cluster, service
from raymesh.lane import Lane, lane_names, load_lane
from raymesh.paths import ROOT
from raymesh.ports import Contract, guide_contract, parse_version, pins
from raymesh.ports.kuberay import workers_need_gcs_by_node_name

FOLDER = ROOT / "manifests" / "ray"
NAME = "raycluster-istio"
HEADING = """\
# The guide's step 4 for Ray {ray} and KubeRay {kuberay}: the headless Service with every port that Ray nodes dial at
# each other, and the RayCluster whose nodes go by a name in it. A run applies it as it stands.
# `python -m raymesh.generate.guide` makes the file of each lane anew.
"""


def contract_for(ray: str, kuberay: str) -> Contract:
    """Return the guide's ports as they work with these versions of Ray and KubeRay."""
    made = guide_contract(ray, numbers=pins(ray))
    return replace(made, gcs_by_node_name=workers_need_gcs_by_node_name(parse_version(kuberay)))


def text(lane: Lane) -> str:
    """Return the manifests for the Ray and KubeRay of a lane. Raises UsageError for a version that can't work."""
    plan = Plan(contract_for(lane.ray, lane.kuberay), NAME, as_guide=True, labelled=True)
    check(plan)
    return HEADING.format(ray=lane.ray, kuberay=lane.kuberay) + as_yaml(service(plan), cluster(plan))


if __name__ == "__main__":
    for name in lane_names():
        (FOLDER / f"{name}.yaml").write_text(text(load_lane(name)), encoding="utf-8")
