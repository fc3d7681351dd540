"""Platform: green where what runs is the lane's and in the mesh, of each of several Ray pods."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from raymesh.verdicts.catalog import (
    COUNTED,
    INTERCEPTED,
    NO_INIT,
    RAY_TLS_OFF,
    READY,
    REGISTERED,
    SIDECARS,
    VERSIONS,
    Verdict,
)
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.verdicts.platform import KEEPS_OUT, platform_as_pinned
from raymesh.witness.pods import Container, Pod
from tests.unit.verdicts.built_subject import MEMBERS, NAMES, PODS, SUBJECT
from tests.unit.verdicts.colour import red

WANTED = {
    **{"kubernetes": "1.29.2", "kubelet": "1.29.2", "istiod": "1.21.1", "istio-proxy": "1.21.1", "envoy": "1.38.3"},
    **{"kuberay-operator": "1.1.0", "ray": "2.10.0", "kiali": "1.79.0", "jaeger": "1.46.0", "prometheus": "2.41.0"},
}
VERSIONS_SEEN = {
    **{name: version for name, version in WANTED.items() if name not in ("kubelet", "istio-proxy", "envoy")},
    "kubernetes": "v1.29.2",
    **{f"kubelet of {node}": "v1.29.2" for node in ("node-1", "node-2")},
    **{f"istio-proxy of {pod}": "1.21.1" for pod in NAMES},
    **{f"envoy of {pod}": "1.38.3" for pod in NAMES},
}


@dataclass(frozen=True)
class Seen:
    """All that the platform says; the defaults are built to be healthy."""

    pods: tuple[Pod, ...] = (*PODS, replace(PODS[0], name="istiod", namespace="istio-system"))
    versions: dict[str, str] = field(default_factory=lambda: dict(VERSIONS_SEEN))
    ray_nodes: dict[str, bool] = field(
        default_factory=lambda: {**{one.host: True for one in MEMBERS}, SUBJECT.host("10.244.0.6"): False}
    )
    environments: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in NAMES})

    strangers: tuple[str, ...] = ()

    def judge(self, wanted: dict[str, str] = WANTED) -> Findings:
        return platform_as_pinned(
            self.pods, SUBJECT, self.versions, wanted, self.ray_nodes, self.environments, self.strangers
        )


HEALTHY = Seen()


def with_worker(**more: object) -> Seen:
    """One of the two workers is otherwise."""
    changed = replace(PODS[2], **more)  # type: ignore[arg-type]  # by name
    return replace(HEALTHY, pods=(*PODS[:2], changed))


def with_environment(value: str | None) -> Seen:
    return with_worker(containers=(Container("ray", "x", {"RAY_USE_TLS": value}), Container("istio-proxy", "x", {})))


def with_process(value: str) -> Seen:
    """Set by envFrom, a ConfigMap or the image: the pod's definition has no word of it."""
    return replace(HEALTHY, environments={**HEALTHY.environments, "worker-b": {"RAY_USE_TLS": value}})


def test_what_the_lane_says_is_green() -> None:
    assert red(HEALTHY.judge()) == set()


def test_no_data_is_red_everywhere() -> None:
    findings = Seen((), {}, {}, {}).judge()
    assert red(findings) == verdicts_of(findings)


@pytest.mark.parametrize("program", VERSIONS_SEEN)
def test_any_program_of_another_version_is_red(program: str) -> None:
    assert red(replace(HEALTHY, versions={**VERSIONS_SEEN, program: "0.0.1"}).judge()) == {VERSIONS}
    assert red(replace(HEALTHY, versions={**VERSIONS_SEEN, program: ""}).judge()) == {VERSIONS}


@pytest.mark.parametrize("kind", WANTED)
def test_a_program_that_is_silent_is_red(kind: str) -> None:
    seen = {program: v for program, v in VERSIONS_SEEN.items() if program.split(" of ")[0] != kind}
    assert red(replace(HEALTHY, versions=seen).judge()) == {VERSIONS}


def test_nothing_wanted_is_red() -> None:
    assert red(HEALTHY.judge(wanted={})) == {VERSIONS}


@pytest.mark.parametrize(
    ("seen", "reasons"),
    [
        (replace(HEALTHY, pods=(*HEALTHY.pods, replace(PODS[0], namespace="x", ready=False))), {READY}),
        (replace(HEALTHY, pods=PODS[:2]), {COUNTED, REGISTERED}),
        (replace(HEALTHY, strangers=("web-1",)), {COUNTED}),
        (
            replace(HEALTHY, pods=(*PODS, replace(PODS[2], name="worker-c", ip="10.244.0.10"))),
            {COUNTED, REGISTERED, RAY_TLS_OFF},  # and nobody looked into its process
        ),
        (with_worker(containers=(Container("ray", "x", {}),)), {SIDECARS}),
        (with_worker(init_containers=("istio-init", "wait-gcs-ready")), {NO_INIT}),
        (with_worker(ip="10.244.0.99"), {REGISTERED}),
        (replace(HEALTHY, ray_nodes={**HEALTHY.ray_nodes, "10.244.0.9": True}), {REGISTERED}),
        (replace(HEALTHY, ray_nodes={**HEALTHY.ray_nodes, MEMBERS[2].host: False}), {REGISTERED}),
        (replace(HEALTHY, ray_nodes={one.ip: True for one in MEMBERS}), {REGISTERED}),
        (with_environment("1"), {RAY_TLS_OFF}),
        (with_environment("True"), {RAY_TLS_OFF}),
        (with_environment(None), {RAY_TLS_OFF}),
        (with_environment("0"), set()),
        (with_process("1"), {RAY_TLS_OFF}),
        (with_process("true"), {RAY_TLS_OFF}),
        (with_process("0"), set()),
        (replace(HEALTHY, environments={name: {} for name in NAMES[:2]}), {RAY_TLS_OFF}),
        (with_worker(host_network=True), {INTERCEPTED}),
    ],
)
def test_one_pod_that_is_otherwise_is_red_for_its_own_reason(seen: Seen, reasons: set[Verdict]) -> None:
    assert red(seen.judge()) == reasons


@pytest.mark.parametrize("annotation", KEEPS_OUT)
def test_each_annotation_that_keeps_something_from_the_sidecar_is_red(annotation: str) -> None:
    value = "NONE" if annotation.endswith("Mode") else "44217"
    assert red(with_worker(annotations={annotation: value}).judge()) == {INTERCEPTED}
    for harmless in KEEPS_OUT[annotation]:
        assert red(with_worker(annotations={annotation: harmless}).judge()) == set()
