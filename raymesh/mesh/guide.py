"""The headless Service and the RayCluster of the guide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from raymesh.by_version import declares_gcs, names_by_label
from raymesh.lane import Lane
from raymesh.manifests.patching import Doc, load, pod_templates, with_images
from raymesh.mesh import stock_envoy
from raymesh.ports import AppProtocol, Contract, guide_contract, pins
from raymesh.subject import HEAD_GROUP, Subject


def subject(lane: Lane, *, stock_proxy: bool) -> Subject:
    """Return the guide's RayCluster with its headless Service, as `docs` makes them."""
    [cluster], [service] = load("ray/raycluster.yaml"), load("ray/headless-service.yaml")
    if stock_proxy:
        _, cluster = stock_envoy.own_service_account(cluster)
    accounts = {template["spec"].get("serviceAccountName", "default") for template in pod_templates(cluster)}
    name, namespace = cluster["metadata"]["name"], service["metadata"]["namespace"]
    workers = {group["groupName"]: group["replicas"] for group in cluster["spec"]["workerGroupSpecs"]}
    return Subject(
        kind=cluster["kind"],
        name=name,
        namespace=namespace,
        headless_service=service["metadata"]["name"],
        head_service=f"{name}-head-svc",
        tracing_services=frozenset({f"{name}.{namespace}"}),
        contract=ports(lane),
        groups={HEAD_GROUP: 1, **workers},
        service_accounts=frozenset(accounts),
    )


def ports(lane: Lane, protocols: Mapping[str, AppProtocol] | None = None) -> Contract:
    """Return the ports of the lane's Ray with the guide's numbers, and with one for the port that it leaves random.

    `protocols` are other appProtocols than Ray's own, by the name of the port. What the guide's Service lacks for the
    lane's KubeRay is declared, too.
    """
    made = guide_contract(lane.ray, numbers=pins(lane.ray), protocols=protocols)
    return replace(made, gcs_by_node_name=declares_gcs(lane))


def headless_service(declared: Contract) -> Doc:
    """Return the guide's headless Service with these ports."""
    [service] = load("ray/headless-service.yaml")
    service["spec"]["ports"] = [
        {"name": p.name, "port": p.number, "appProtocol": p.app_protocol} for p in declared.headless_ports()
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
    if names_by_label(lane.istio_minor):
        for template in pod_templates(cluster):
            template.setdefault("metadata", {}).setdefault("labels", {})["app"] = cluster["metadata"]["name"]
    if not stock_proxy:
        return [service, cluster]
    account, cluster = stock_envoy.own_service_account(cluster)
    return [account, service, cluster]
