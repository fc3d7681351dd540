"""Makes the headless Service and the RayCluster of a contract, or refuses with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from raymesh.errors import UsageError
from raymesh.ports.address import node_address
from raymesh.ports.contract import Contract
from raymesh.ports.limits import LAST_APPLIED, SPARE, WIDEST, apply_refuses, fewest_worker_ports
from raymesh.ports.model import Role
from raymesh.ports.versions import avoid_reason

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 50  # KubeRay puts its own words behind it, and a label holds 63
_LONGEST_LABEL = 63
FIRST_WORKER_PORT = 10002


@dataclass(frozen=True)
class Plan:
    """What is to be made."""

    contract: Contract
    name: str
    namespace: str = "default"
    cpus: int = 1
    workers: int = 1
    image: str = ""
    as_guide: bool = False  # as the guide writes it, what it gets wrong included
    labelled: bool = False  # with `as_guide`: pods have the label `app`, which the guide does not give them
    service_name: str = ""  # of a headless Service that is there already

    @property
    def service(self) -> str:
        """Name of the headless Service, by default as the guide forms it."""
        return self.service_name or f"{self.name}-headless-svc"


def worker_range(cpus: float) -> range:
    """The worker ports for a node with so many CPUs: each one, a driver, an agent, and some for zero-CPU actors."""
    return range(FIRST_WORKER_PORT, FIRST_WORKER_PORT + fewest_worker_ports(cpus) + SPARE)


def check(plan: Plan) -> None:
    """Raise UsageError for a plan that can't work."""
    version, ports = plan.contract.ray_version, len(plan.contract.worker_ports)
    reason = avoid_reason(version)
    if reason:
        raise UsageError(reason)
    for what, word in (("name", plan.name), ("namespace", plan.namespace), ("name of the Service", plan.service)):
        longest = _LONGEST_NAME if what == "name" else _LONGEST_LABEL
        if not _LABEL.fullmatch(word) or len(word) > longest:
            raise UsageError(
                f"{what} {word[: longest + 1]!r}: lower-case letters, digits and inner dashes, a letter first, "
                f"at most {longest}"
            )
    broken = [p for p in plan.contract.ports if p.declared_in == "headless" and p.broken_by(p.app_protocol)]
    if broken and not plan.as_guide:
        raise UsageError(
            f"--protocol {broken[0].name}={broken[0].app_protocol}: the port speaks {broken[0].speaks}, and a proxy "
            f"that is told {broken[0].app_protocol} breaks its calls; {broken[0].speaks} or tcp"
        )
    needed = fewest_worker_ports(plan.cpus)
    if ports < needed:
        raise UsageError(
            f"{ports} worker ports for {plan.cpus} CPUs: a node needs at least {needed}, one for each worker, "
            "the driver and the job agent; without a port a worker does not start and its task hangs "
            f"(--worker-ports {needed} or more)"
        )
    declared = len(plan.contract.headless_ports())
    if apply_refuses(declared):
        raise UsageError(
            f"a Service with {declared} ports: kubectl apply refuses it, its annotation would pass {LAST_APPLIED} bytes"
        )
    if ports > WIDEST:
        raise UsageError(
            f"{ports} worker ports: every sidecar of the mesh keeps configuration for each of them; at most {WIDEST} "
            "(--worker-ports; fewer --cpus for Ray than the node has is possible too)"
        )


def service(plan: Plan, selector: dict[str, str] | None = None) -> dict[str, Any]:
    """The headless Service, by default for a RayCluster of the plan's name.

    The guide's label is KubeRay's own for the Service of multi-host groups: where one has it, KubeRay makes none
    (reconcileHeadlessService in controllers/ray/raycluster_controller.go, 1.1.0 to 1.6.0).
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "labels": {"ray.io/headless-worker-svc" if plan.as_guide else "app": plan.name},
            "name": plan.service,
            "namespace": plan.namespace,
        },
        "spec": {
            "clusterIP": "None",
            "selector": selector or {"ray.io/cluster": plan.name},
            "publishNotReadyAddresses": True,
            "ports": [
                {"name": p.name, "port": p.number, "appProtocol": p.app_protocol}
                for p in plan.contract.headless_ports()
            ],
        },
    }


def ray_start_params(plan: Plan, role: Role) -> dict[str, str]:
    """All rayStartParams of one group."""
    return {
        "num-cpus": str(plan.cpus),
        **plan.contract.ray_start_params(role),
        "node-ip-address": node_address(plan.service, plan.namespace),
    }


def cluster(plan: Plan) -> dict[str, Any]:
    """The RayCluster: one head, one group of workers."""
    version = str(plan.contract.ray_version)
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": plan.name, "namespace": plan.namespace},
        "spec": {
            "rayVersion": version,
            "headGroupSpec": {
                "rayStartParams": ray_start_params(plan, "head"),
                "template": _template(plan, "ray-head"),
            },
            "workerGroupSpecs": [
                {
                    "replicas": plan.workers,
                    "minReplicas": plan.workers,
                    "maxReplicas": plan.workers,
                    "groupName": "small-group",
                    "rayStartParams": ray_start_params(plan, "worker"),
                    "template": _template(plan, "ray-worker"),
                }
            ],
        },
    }


def as_yaml(*documents: dict[str, Any]) -> str:
    """Documents as kubectl takes them."""
    return yaml.safe_dump_all(documents, sort_keys=False, width=10**6)


def _template(plan: Plan, container: str) -> dict[str, Any]:
    image = plan.image or f"rayproject/ray:{plan.contract.ray_version}"
    spec = {"spec": {"containers": [{"name": container, "image": image}]}}
    # The label keeps the service name of traces the same on every version of Istio.
    return spec if plan.as_guide and not plan.labelled else {"metadata": {"labels": {"app": plan.name}}, **spec}
