"""The headless Service and the RayCluster of the guide."""

from __future__ import annotations

from raymesh.kube import Kube
from raymesh.manifests import Doc, load, pod_templates, with_images
from raymesh.mesh import stock_envoy
from raymesh.settings import Lane

NAME = "raycluster-istio"
NAMESPACE = "default"
SERVICE_HOST = f"{NAME}-headless-svc.{NAMESPACE}.svc.cluster.local"
SELECTOR = f"ray.io/cluster={NAME}"
HEAD, WORKER = "ray-head", "ray-worker"  # containers
PODS = 2
# From here on the tracing service takes its name from app.kubernetes.io/name, which is `kuberay` for every RayCluster
# (istio pkg/kube/labels/labels.go GetApp); an `app` label goes before it in every version.
NAMED_BY_LABEL = (1, 30)
TRACING_SERVICE = f"{NAME}.{NAMESPACE}"


def docs(lane: Lane, images: dict[str, str], *, stock_proxy: bool) -> list[Doc]:
    """Return headless Service and RayCluster with `images` (as written -> as served), patched for the lane."""
    [service] = load("ray/headless-service.yaml")
    [cluster] = with_images(load("ray/raycluster.yaml"), images)
    cluster["spec"]["rayVersion"] = lane.ray
    if lane.istio_minor >= NAMED_BY_LABEL:
        for template in pod_templates(cluster):
            template.setdefault("metadata", {}).setdefault("labels", {})["app"] = NAME
    if not stock_proxy:
        return [service, cluster]
    account, cluster = stock_envoy.own_service_account(cluster)
    return [account, service, cluster]


def wait(kube: Kube, *, within: float) -> None:
    """Wait until head and worker are Ready."""
    kube.wait_ready(NAMESPACE, SELECTOR, count=PODS, within=within)


def pod_name(kube: Kube, node_type: str) -> str:
    """Return the name of the pod of "head" or "worker"."""
    listed = kube.kubectl(
        *("get", "pods", "-n", NAMESPACE, "-l", f"{SELECTOR},ray.io/node-type={node_type}"),
        *("-o", "jsonpath={.items[*].metadata.name}"),
    )
    [name] = listed.stdout.split()
    return name
