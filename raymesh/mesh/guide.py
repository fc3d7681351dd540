"""The headless Service and the RayCluster of the guide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from raymesh.lane import Lane
from raymesh.manifests.patching import Doc, load, pod_templates, with_images
from raymesh.mesh import stock_envoy
from raymesh.platform.kube import Kube
from raymesh.ports import AppProtocol, Contract, guide_contract, pins

NAME = "raycluster-istio"
NAMESPACE = "default"
SERVICE_HOST = f"{NAME}-headless-svc.{NAMESPACE}.svc.cluster.local"
SELECTOR = f"ray.io/cluster={NAME}"
HEAD, WORKER = "ray-head", "ray-worker"  # containers
PODS = 2
NAME_GRACE = timedelta(seconds=30)  # a pod's name is in DNS a few seconds after its start
NOT_FOUND = 2  # getent's exit code
# From here on the tracing service takes its name from app.kubernetes.io/name, which is `kuberay` for every RayCluster
# (istio pkg/kube/labels/labels.go GetApp); an `app` label goes before it in every version.
NAMED_BY_LABEL = (1, 30)
TRACING_SERVICE = f"{NAME}.{NAMESPACE}"

# A job whose driver runs on a worker dials the GCS by the head pod's own name (ray/dashboard/modules/job of 2.10). The
# guide's Service does not have that port, so the call leaves the mesh in plaintext and STRICT resets it: measured.
GCS = {"name": "gcs-server-port", "port": 6379, "appProtocol": "tcp"}


def ports(lane: Lane, protocols: Mapping[str, AppProtocol] | None = None) -> Contract:
    """Return the ports of the lane's Ray with the guide's numbers, and with one for the port that it leaves random.

    `protocols` are other appProtocols than Ray's own, by the name of the port.
    """
    return guide_contract(lane.ray, numbers=pins(lane.ray), protocols=protocols)


def headless_service(declared: Contract) -> Doc:
    """Return the guide's headless Service with these ports."""
    [service] = load("ray/headless-service.yaml")
    service["spec"]["ports"] = [
        *({"name": p.name, "port": p.number, "appProtocol": p.app_protocol} for p in declared.headless_ports()),
        GCS,
    ]
    return service


def docs(lane: Lane, images: dict[str, str], *, stock_proxy: bool) -> list[Doc]:
    """Return headless Service and RayCluster with `images` (as written -> as served), patched for the lane."""
    [cluster] = with_images(load("ray/raycluster.yaml"), images)
    cluster["spec"]["rayVersion"] = lane.ray
    declared = ports(lane)
    service = headless_service(declared)
    head, [worker] = cluster["spec"]["headGroupSpec"], cluster["spec"]["workerGroupSpecs"]
    head["rayStartParams"].update(declared.ray_start_params("head"))
    worker["rayStartParams"].update(declared.ray_start_params("worker"))
    if lane.istio_minor >= NAMED_BY_LABEL:
        for template in pod_templates(cluster):
            template.setdefault("metadata", {}).setdefault("labels", {})["app"] = NAME
    if not stock_proxy:
        return [service, cluster]
    account, cluster = stock_envoy.own_service_account(cluster)
    return [account, service, cluster]


def wait(kube: Kube, *, within: float) -> None:
    """Wait until head and worker are Ready. Raises TerminalState, WaitTimeout."""
    kube.wait_ready(NAMESPACE, SELECTOR, count=PODS, within=within, hopeless=lambda pod: _nameless(kube, pod))


def _nameless(kube: Kube, pod: Doc) -> str:
    """Say that a pod does not find its own name, for which `ray start` waits without a word (ray 2.10.0, measured)."""
    container = HEAD if pod["metadata"]["labels"]["ray.io/node-type"] == "head" else WORKER
    states = {status["name"]: status["state"] for status in pod["status"].get("containerStatuses", [])}
    running = states.get(container, {}).get("running")
    if not running or datetime.now(UTC) - datetime.fromisoformat(running["startedAt"]) < NAME_GRACE:
        return ""
    name = f"{pod['status']['podIP'].replace('.', '-')}.{SERVICE_HOST}"
    asked = ["getent", "hosts", name]
    code = kube.exec(pod["metadata"]["name"], asked, container=container, namespace=NAMESPACE, check=False).code
    if code != NOT_FOUND:
        return ""
    return (
        f"`ray start` waits for the node's own name, and DNS does not have {name}: the headless Service must select "
        "the pod and set publishNotReadyAddresses"
    )


def pod_name(kube: Kube, node_type: str) -> str:
    """Return the name of the pod of "head" or "worker"."""
    listed = kube.kubectl(
        *("get", "pods", "-n", NAMESPACE, "-l", f"{SELECTOR},ray.io/node-type={node_type}"),
        *("-o", "jsonpath={.items[*].metadata.name}"),
    )
    [name] = listed.stdout.split()
    return name
