"""Pods of the Kubernetes API become models."""

from __future__ import annotations

import pytest

from raymesh.errors import Unreadable
from raymesh.platform.kube import pod_state
from raymesh.witness.pods import Container, parse_pods
from tests.unit.witness.builders import Doc, text


def built_pods(*, spec: Doc | None = None, status: Doc | None = None, meta: Doc | None = None) -> Doc:
    ray = {"name": "ray", "env": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "C", "valueFrom": {"x": "y"}}]}
    pod = {
        "metadata": {"name": "head", "namespace": "default", "labels": {"ray.io/node-type": "head"}, **(meta or {})},
        "spec": {
            "serviceAccountName": "default",
            "containers": [ray, {"name": "istio-proxy"}],
            "initContainers": [{"name": "istio-init"}],
            **(spec or {}),
        },
        "status": {
            "podIP": "10.244.0.7",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            **(status or {}),
        },
    }
    return {"items": [pod]}


def test_a_pod_says_what_it_runs() -> None:
    (pod,) = parse_pods(text(built_pods()))
    assert (pod.name, pod.namespace, pod.ip, pod.ready) == ("head", "default", "10.244.0.7", True)
    assert pod.labels == {"ray.io/node-type": "head"}
    assert pod.service_account == "default"
    assert pod.containers == (Container("ray", "", {"A": "1", "B": "", "C": None}), Container("istio-proxy", "", {}))
    assert pod.init_containers == ("istio-init",)


def test_a_native_sidecar_is_a_container() -> None:
    inits = [{"name": "istio-init"}, {"name": "istio-proxy", "restartPolicy": "Always"}]
    (pod,) = parse_pods(text(built_pods(spec={"containers": [{"name": "ray"}], "initContainers": inits})))
    assert [container.name for container in pod.containers] == ["ray", "istio-proxy"]
    assert pod.init_containers == ("istio-init",)


@pytest.mark.parametrize(
    "pods",
    [
        built_pods(status={"conditions": [{"type": "Ready", "status": "False"}]}),
        built_pods(status={"conditions": None}),
        built_pods(meta={"deletionTimestamp": "2026-11-23T00:00:00Z"}),
    ],
)
def test_a_pod_that_is_coming_or_going_is_not_ready(pods: Doc) -> None:
    assert not parse_pods(text(pods))[0].ready


def test_what_is_no_list_of_pods_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"pods: wants an object with the key 'items'"):
        parse_pods('{"kind": "Status"}')


def submitted(exit_code: int | None, *, ray_ready: bool = True) -> Doc:
    state = {"running": {}} if exit_code is None else {"terminated": {"exitCode": exit_code}}
    containers = [
        {"name": "ray", "ready": ray_ready, "restartCount": 0, "state": {"running": {}}},
        {"name": "ray-job-submitter", "ready": exit_code is None, "restartCount": 0, "state": state},
    ]
    return {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": containers}


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        (submitted(0), True),
        (submitted(1), False),
        (submitted(None), False),  # its readiness is Kubernetes' to tell
        (submitted(0, ray_ready=False), False),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, False),
    ],
)
def test_a_head_whose_submitter_has_ended_well_is_ready(status: Doc, ready: bool) -> None:
    """KubeRay's SidecarMode: a container of the head's pod submits the job, and ends."""
    (pod,) = parse_pods(text(built_pods(status=status)))
    assert pod.ready == ready
    if "phase" in status:
        state = pod_state({"metadata": {}, "status": status})
        assert (state == "Ready") == ready
