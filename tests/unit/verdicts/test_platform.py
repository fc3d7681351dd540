"""Platform: green where what runs is the lane's and in the mesh."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from raymesh.lane import load_lane
from raymesh.verdicts import Finding, platform_as_pinned
from raymesh.verdicts.finding import names
from raymesh.witness.pods import Container, Pod
from tests.unit.verdicts.colour import red

HOST = "raycluster-istio-headless-svc.default.svc.cluster.local"
LANE = load_lane("seed")
READY = "every pod is Ready"
VERSIONS = "versions are the lane's"
COUNT = "the RayCluster has its pods"
SIDECAR = "sidecar in each Ray pod"
INIT = "no wait-gcs-ready init container"
REGISTERED = "each Ray node is registered under its pod's FQDN"
TLS = "Ray's own TLS is off"


def built_ray_pod(name: str, ip: str) -> Pod:
    containers = (Container("ray", {"RAY_IP": "x"}), Container("istio-proxy", {"PILOT_CERT_PROVIDER": "istiod"}))
    return Pod(
        name, "default", {"ray.io/cluster": "raycluster-istio"}, ip, True, "default", containers, ("istio-init",)
    )


HEAD, WORKER = built_ray_pod("head", "10.244.0.7"), built_ray_pod("worker", "10.244.0.8")


@dataclass(frozen=True)
class Seen:
    """All that the platform says; the defaults are built to be healthy."""

    pods: tuple[Pod, ...] = (HEAD, WORKER, replace(HEAD, name="istiod", namespace="istio-system"))
    ray_pods: tuple[Pod, ...] = (HEAD, WORKER)
    versions: dict[str, str] = field(
        default_factory=lambda: {
            "istiod": LANE.istio,
            "kuberay-operator": f"v{LANE.kuberay}",
            "ray": LANE.ray,
            "kubernetes": f"v{LANE.kubernetes}",
        }
    )
    ray_nodes: dict[str, bool] = field(
        default_factory=lambda: {f"10-244-0-7.{HOST}": True, f"10-244-0-8.{HOST}": True, f"10-244-0-6.{HOST}": False}
    )

    def judge(self) -> tuple[Finding, ...]:
        return platform_as_pinned(
            self.pods, self.ray_pods, self.versions, self.ray_nodes, lane=LANE, headless_host=HOST, ray_pod_count=2
        )


HEALTHY = Seen()


def with_worker(**more: object) -> Seen:
    return replace(HEALTHY, ray_pods=(HEAD, replace(WORKER, **more)))  # type: ignore[arg-type]  # by name


def with_environment(value: str | None) -> Seen:
    return with_worker(containers=(Container("ray", {"RAY_USE_TLS": value}), Container("istio-proxy", {})))


def test_what_the_lane_says_is_green() -> None:
    assert red(HEALTHY.judge()) == set()


def test_no_data_is_red_everywhere() -> None:
    findings = Seen((), (), {}, {}).judge()
    assert red(findings) == names(findings)


@pytest.mark.parametrize(
    ("seen", "reasons"),
    [
        (replace(HEALTHY, pods=(*HEALTHY.pods, replace(HEAD, ready=False))), {READY}),
        (replace(HEALTHY, versions=HEALTHY.versions | {"istiod": "1.22.0"}), {VERSIONS}),
        (replace(HEALTHY, versions=HEALTHY.versions | {"kubernetes": ""}), {VERSIONS}),
        (replace(HEALTHY, versions={k: v for k, v in HEALTHY.versions.items() if k != "ray"}), {VERSIONS}),
        (replace(HEALTHY, ray_pods=(HEAD,)), {COUNT, REGISTERED}),
        (with_worker(containers=(Container("ray", {}),)), {SIDECAR}),
        (with_worker(init_containers=("istio-init", "wait-gcs-ready")), {INIT}),
        (with_worker(ip="10.244.0.9"), {REGISTERED}),
        (replace(HEALTHY, ray_nodes={**HEALTHY.ray_nodes, "10.244.0.9": True}), {REGISTERED}),
        (replace(HEALTHY, ray_nodes={f"10-244-0-7.{HOST}": True, f"10-244-0-8.{HOST}": False}), {REGISTERED}),
        (replace(HEALTHY, ray_nodes={"10.244.0.7": True, "10.244.0.8": True}), {REGISTERED}),
        (with_environment("1"), {TLS}),
        (with_environment("True"), {TLS}),
        (with_environment(None), {TLS}),
        (with_environment("0"), set()),
    ],
)
def test_each_doctored_copy_is_red_for_its_own_reason(seen: Seen, reasons: set[str]) -> None:
    assert red(seen.judge()) == reasons
