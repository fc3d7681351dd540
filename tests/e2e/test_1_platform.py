"""What runs is what the lane says, in the mesh."""

import pytest

from fixtures.session import Judge
from raymesh.images.source import Served
from raymesh.kube import Kube
from raymesh.mesh import istio, kuberay
from raymesh.mesh.raycluster import PODS, SERVICE_HOST
from raymesh.ports import Role
from raymesh.traffic import Traffic
from raymesh.verdicts.platform import platform_as_pinned
from raymesh.witness.pods import Pod, parse_pods

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
    versions = {
        "kubernetes": kube.version(),
        "istiod": istio.version(kube),
        "kuberay-operator": kuberay.version(kube),
        "ray": traffic.version(),
    }
    judge(
        platform_as_pinned(
            parse_pods(kube.pods_json()),
            list(ray_pods.values()),
            versions,
            traffic.nodes(),
            lane=served.lane,
            headless_host=SERVICE_HOST,
            ray_pod_count=PODS,
        )
    )
