"""What is done otherwise for another version: each decision at its edge, and as every lane has it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from raymesh import by_version
from raymesh.generate import guide
from raymesh.lane import Lane, load_lane
from raymesh.mesh import istio, kuberay

SEED = load_lane("seed")


def with_istio(version: str) -> Lane:
    return replace(SEED, istio=version)


@pytest.mark.parametrize(
    ("version", "guard", "collector", "by_label"),
    [
        ("1.21.1", True, False, False),
        ("1.22.0", False, True, False),
        ("1.29.6", False, True, False),
        ("1.30-dev.9739e10eb9d7", False, True, True),
        ("1.31.0", False, True, True),
    ],
)
def test_istio_is_told_what_its_version_needs(version: str, guard: bool, collector: bool, by_label: bool) -> None:
    lane = with_istio(version)
    mesh = istio.operator(lane, {"pilot": "a", "sidecar": "b"}, stock_proxy=False)["spec"]["meshConfig"]
    assert ("runtimeValues" in mesh["defaultConfig"]) == guard
    assert ("zipkin" in mesh["defaultConfig"]["tracing"]) == collector
    assert by_version.names_by_label(lane.istio_minor) == by_label


@pytest.mark.parametrize(
    ("kuberay", "declared"), [("1.1.0", True), ("1.1.1", True), ("1.2.2", False), ("1.6.0", False)]
)
def test_the_headless_service_has_6379_where_the_heads_service_has_an_address(kuberay: str, declared: bool) -> None:
    service, _ = yaml.safe_load_all(guide.text(replace(SEED, kuberay=kuberay)))
    gcs = [port for port in service["spec"]["ports"] if port["port"] == 6379]
    assert gcs == ([{"name": "gcs-server-port", "port": 6379, "appProtocol": "tcp"}] if declared else [])


@pytest.mark.parametrize(
    ("kubernetes", "told"), [("1.29.15", False), ("1.34.11", False), ("1.35.8", True), ("1.36.4", True)]
)
def test_a_kubelet_is_told_to_take_cgroup_v1_from_where_it_does_not(kubernetes: str, told: bool) -> None:
    assert by_version.must_allow_cgroup_v1(kubernetes) == told


@pytest.mark.parametrize(
    ("ray", "tasks"), [("2.10.0", 5000), ("2.46.0", 5000), ("2.54.0", 5000), ("2.55.1", 1000), ("2.60.0", 1000)]
)
def test_the_guides_tasks_are_as_many_as_this_ray_ends(ray: str, tasks: int) -> None:
    assert by_version.tasks_that_end(ray) == tasks


def test_the_operator_has_a_namespace_of_its_own_once() -> None:
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kuberay.NAMESPACE}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "namespace": kuberay.NAMESPACE}}
    assert kuberay.in_own_namespace([account]) == [own, account]
    assert kuberay.in_own_namespace([account, own]) == [account, own]


@pytest.mark.parametrize(
    ("istio", "kubernetes", "wanted"),
    [
        ("1.21.1", "1.29.14", ""),
        ("1.21.1", "1.25.0", "1.26"),
        ("1.29.6", "1.29.15", "1.30"),
        ("1.30-dev.9739e10eb9d7", "1.34.11", ""),
        ("1.31.0", "1.29.15", "1.32"),
    ],
)
def test_a_kubernetes_that_istio_was_not_made_for_is_told(istio: str, kubernetes: str, wanted: str) -> None:
    said = by_version.below_what_istio_wants(replace(with_istio(istio), kubernetes=kubernetes))
    assert said == (wanted and f"Istio {istio} is made for Kubernetes {wanted} or newer, and this is {kubernetes}")
