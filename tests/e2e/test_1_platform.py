"""What runs is what the lane says, in the mesh."""

import pytest

from fixtures.session import Judge
from raymesh.images.source import Served
from raymesh.observe import platform
from raymesh.platform.kube import Kube
from raymesh.ports import Role
from raymesh.traffic import Traffic
from raymesh.witness.pods import Pod

pytestmark = pytest.mark.e2e


def test_the_platform_is_the_lanes(
    kube: Kube,
    served: Served,
    ray_pods: dict[Role, Pod],
    traffic: Traffic,
    addons_ready: None,  # noqa: ARG001 - all pods are judged
    judge: Judge,
) -> None:
    """Every pod is Ready, each program reports the lane's version, Ray's nodes are known by their pods' names."""
    judge(platform(kube, traffic, served.lane, {pod.name for pod in ray_pods.values()}))
