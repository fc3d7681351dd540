"""A subject of three Ray pods, built by hand: a head, and two workers of one group, so that "every" means several."""

from __future__ import annotations

from raymesh.ports import Role, contract
from raymesh.subject import CLUSTER_LABEL, GROUP_LABEL, TYPE_LABEL, Subject
from raymesh.witness.pods import Container, Pod

SUBJECT = Subject(
    kind="RayCluster",
    name="raycluster-istio",
    namespace="default",
    headless_service="raycluster-istio-headless-svc",
    head_service="raycluster-istio-head-svc",
    tracing_services=frozenset({"raycluster-istio.default"}),
    contract=contract(),
    groups={"headgroup": 1, "small": 2},
    service_accounts=frozenset({"default"}),
)
SPIFFE = SUBJECT.spiffe("default")


def built_pod(name: str, role: Role, ip: str, group: str = "small") -> Pod:
    """A healthy Ray pod."""
    return Pod(
        name=name,
        namespace=SUBJECT.namespace,
        labels={CLUSTER_LABEL: SUBJECT.name, TYPE_LABEL: role, GROUP_LABEL: group},
        ip=ip,
        ready=True,
        service_account="default",
        containers=(Container("ray", "ray:x", {"RAY_IP": "x"}), Container("istio-proxy", "proxy:x", {})),
        init_containers=("istio-init",),
        annotations={},
        host_network=False,
    )


PODS = (
    built_pod("head", "head", "10.244.0.7", "headgroup"),
    built_pod("worker-a", "worker", "10.244.0.8"),
    built_pod("worker-b", "worker", "10.244.0.9"),
)
MEMBERS = SUBJECT.members(PODS)
HEAD, WORKER_A, WORKER_B = MEMBERS
NAMES = tuple(one.name for one in MEMBERS)
