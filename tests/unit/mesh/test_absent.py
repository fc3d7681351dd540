"""Pods that nobody makes, or that do not start: the reason is told at once, by what a real API server answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from raymesh.errors import CommandError, TerminalState, WaitTimeout
from raymesh.mesh import absent, deployed
from raymesh.platform import kube as platform_kube
from raymesh.platform.kube import Kube
from raymesh.subject.wanted import Wanted
from tests.unit.api.server import Answer, Api
from tests.unit.verdicts.built_subject import SUBJECT

Doc = dict[str, Any]
QUOTA = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'
WEBHOOK = 'Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": connection refused'
NOW = datetime.now(UTC).replace(microsecond=0)
MINE = replace(SUBJECT, namespace="team")


def stamp(seconds_ago: float) -> str:
    return (NOW - timedelta(seconds=seconds_ago)).isoformat().replace("+00:00", "Z")


def ray(kind: str, name: str, status: Doc | None = None, *, age: float = 60) -> Doc:
    metadata = {"name": name, "namespace": "team", "creationTimestamp": stamp(age)}
    return {"apiVersion": "ray.io/v1", "kind": kind, "metadata": metadata, "spec": {}, "status": status or {}}


def event(kind: str, name: str, reason: str, message: str, *, age: float = 5, uid: str = "", first: float = 55) -> Doc:
    event.number += 1  # type: ignore[attr-defined]  # each event has a name of its own
    about = {"kind": kind, "name": name, "namespace": "team", "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"event-{event.number}", "namespace": "team"},  # type: ignore[attr-defined]  # as above
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": about,
        "firstTimestamp": stamp(first),
        "lastTimestamp": stamp(age),
    }


event.number = 0  # type: ignore[attr-defined]  # as above


def pod(name: str, status: Doc, uid: str = "p") -> Doc:
    labels = {"ray.io/cluster": SUBJECT.name, "ray.io/node-type": "head", "ray.io/group": "headgroup"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "team", "labels": labels, "uid": uid},
        "spec": {"containers": [{"name": "ray-head", "image": "x"}]},
        "status": status,
    }


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits here for what a real cluster takes."""
    monkeypatch.setattr(platform_kube, "ABSENT_POLLS", 1)
    monkeypatch.setattr(platform_kube, "ABSENT_EVERY", 1)
    monkeypatch.setattr(platform_kube, "TERMINAL_POLLS", 1)
    monkeypatch.setattr(deployed, "UNMADE_POLLS", 1)


# What is made, which event or status says why it is not, and what of that a person reads. KubeRay 1.1 writes the first
# two, newer ones the next two; Jobs and ReplicaSets are Kubernetes' own.
OF_CLUSTER: dict[str, tuple[list[Doc], str]] = {
    "kuberay-1.1-event": (
        [ray("RayCluster", SUBJECT.name), event("RayCluster", SUBJECT.name, "PodReconciliationError", QUOTA)],
        "exceeded quota: small",
    ),
    "kuberay-1.1-status": ([ray("RayCluster", SUBJECT.name, {"state": "failed", "reason": QUOTA})], "raise that"),
    "kuberay-1.6-event": (
        [
            ray("RayCluster", SUBJECT.name),
            event("RayCluster", SUBJECT.name, "FailedToCreateWorkerPod", f"Failed to create worker Pod, {WEBHOOK}"),
        ],
        "istiod must run",
    ),
    "kuberay-1.6-condition": (
        [
            ray(
                "RayCluster",
                SUBJECT.name,
                {
                    "conditions": [
                        {"type": "HeadPodReady", "status": "False", "reason": "x", "message": "y"},
                        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreateHeadPod", "message": QUOTA},
                    ]
                },
            )
        ],
        "FailedCreateHeadPod",
    ),
    "an account that the autoscaler lacks": (
        [
            ray("RayCluster", SUBJECT.name),
            event("RayCluster", SUBJECT.name, "AutoscalerServiceAccountNotFound", "ServiceAccount auto is not found"),
        ],
        "ServiceAccount auto is not found",
    ),
    "an invalid spec": (
        [
            ray("RayCluster", SUBJECT.name),
            event(
                "RayCluster", SUBJECT.name, "InvalidRayClusterSpec", "headGroupSpec should have at least one container"
            ),
        ],
        "at least one container",
    ),
    "a job of its own": (
        [
            ray("RayCluster", SUBJECT.name),
            event("Job", f"{SUBJECT.name}-redis-cleanup", "FailedCreate", f"Error creating: {QUOTA}"),
        ],
        "redis-cleanup: FailedCreate",
    ),
    "nothing at all": ([], "somebody deleted it"),
}


@pytest.mark.parametrize(("docs", "told"), OF_CLUSTER.values(), ids=OF_CLUSTER)
def test_pods_that_are_not_made_end_the_waiting_with_the_reason(
    docs: list[Doc], told: str, api: Api, kube: Kube
) -> None:
    api.put(*docs)
    with pytest.raises(TerminalState, match=r"3 of 3 pods ray\.io/cluster=\S+ of team are not made: ") as error:
        deployed.wait(kube, MINE, within=20)
    assert told in str(error.value)


SILENT: dict[str, list[Doc]] = {
    "another cluster's": [event("RayCluster", "other", "PodReconciliationError", QUOTA)],
    "one that begins alike": [event("RayCluster", f"{SUBJECT.name}2", "PodReconciliationError", QUOTA)],
    "of an earlier object of that name": [event("RayCluster", SUBJECT.name, "PodReconciliationError", QUOTA, age=600)],
    "an update that is tried again": [event("RayCluster", SUBJECT.name, "FailedToUpdateService", "conflict")],
    "a pod's own": [event("Pod", f"{SUBJECT.name}-head", "Unhealthy", "Readiness probe failed")],
}


@pytest.mark.parametrize("docs", SILENT.values(), ids=SILENT)
def test_what_says_nothing_of_it_does_not(docs: list[Doc], api: Api, kube: Kube) -> None:
    api.put(ray("RayCluster", SUBJECT.name), *docs)
    with pytest.raises(WaitTimeout):
        deployed.wait(kube, MINE, within=0.5)


def test_who_may_not_read_events_waits_as_before(api: Api, kube: Kube) -> None:
    api.put(ray("RayCluster", SUBJECT.name), event("RayCluster", SUBJECT.name, "PodReconciliationError", QUOTA))
    api.refused["list events"] = Answer(403, "events is forbidden: User x cannot list resource events", "Forbidden")
    with pytest.raises(WaitTimeout):
        deployed.wait(kube, MINE, within=0.5)


OF_OWNER: dict[str, tuple[str, list[Doc], str]] = {
    "a RayJob that KubeRay refuses": (
        "RayJob",
        [ray("RayJob", "mine", {"jobDeploymentStatus": "ValidationFailed", "message": "clusterSelector is wrong"})],
        "clusterSelector is wrong",
    ),
    "a RayJob whose cluster a webhook denies": (
        "RayJob",
        [
            ray("RayJob", "mine"),
            event("RayJob", "mine", "FailedToCreateRayCluster", 'admission webhook "a" denied the request: no'),
        ],
        "its owner",
    ),
    "a RayService whose cluster is not made": (
        "RayService",
        [ray("RayService", "mine"), event("RayService", "mine", "FailedToCreateRayCluster", QUOTA)],
        "exceeded quota",
    ),
    "a RayService that is deleted meanwhile": ("RayService", [], "not found"),
}


def wanted(kind: str) -> Wanted:
    return Wanted(replace(MINE, kind=kind, name="mine"), "mine", (), ())


@pytest.mark.parametrize(("kind", "docs", "told"), OF_OWNER.values(), ids=OF_OWNER)
def test_a_raycluster_that_kuberay_can_not_make_is_told_of(
    kind: str, docs: list[Doc], told: str, api: Api, kube: Kube
) -> None:
    api.put(*docs)
    with pytest.raises((TerminalState, CommandError)) as error:
        deployed.found(kube, wanted(kind), within=20)
    assert told in str(error.value)


def test_a_submitter_that_is_refused_is_told_by_its_job(api: Api, kube: Kube) -> None:
    api.put(
        ray("RayCluster", "mine-raycluster-x"),
        ray("RayJob", "mine", {"rayClusterName": "mine-raycluster-x"}),
        event("Job", "mine", "FailedCreate", f"Error creating: {QUOTA}"),
    )
    subject = replace(MINE, kind="RayJob", name="mine-raycluster-x", owner="mine")
    with pytest.raises(TerminalState, match=r"Job mine: FailedCreate: Error creating: .*exceeded quota"):
        deployed.wait(kube, subject, within=20)


UNSCHEDULED = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu.",
        }
    ],
}
CREATING = {
    "phase": "Pending",
    "containerStatuses": [
        {"name": "ray-head", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}
    ],
}
MISSING = 'MountVolume.SetUp failed for volume "application" : configmap "application" not found'


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absent, "LASTING_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_pod_for_which_no_node_has_room_is_told(api: Api, kube: Kube) -> None:
    api.put(ray("RayCluster", SUBJECT.name), pod("head", UNSCHEDULED))
    with pytest.raises(TerminalState, match=r"can't start: not scheduled: 0/1 nodes.*\n  cure: make room"):
        deployed.wait(kube, replace(MINE, groups={"headgroup": 1}), within=20)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("reason", sorted(absent.GROWING))
def test_where_a_node_is_coming_it_is_waited_for(reason: str, api: Api, kube: Kube) -> None:
    coming = {**event("Pod", "head", reason, "pod triggered scale-up", uid="p"), "type": "Normal"}
    api.put(ray("RayCluster", SUBJECT.name), pod("head", UNSCHEDULED), coming)
    with pytest.raises(WaitTimeout, match="1 Insufficient cpu"):
        deployed.wait(kube, replace(MINE, groups={"headgroup": 1}), within=0.5)


@pytest.mark.usefixtures("at_once")
def test_a_volume_that_is_not_there_is_told(api: Api, kube: Kube) -> None:
    api.put(
        ray("RayCluster", SUBJECT.name), pod("head", CREATING), event("Pod", "head", "FailedMount", MISSING, uid="p")
    )
    with pytest.raises(
        TerminalState, match='configmap "application" not found\n  cure: put what the pod mounts or names'
    ):
        deployed.wait(kube, replace(MINE, groups={"headgroup": 1}), within=20)


def test_what_has_just_begun_may_yet_pass(api: Api, kube: Kube) -> None:
    api.put(
        ray("RayCluster", SUBJECT.name),
        pod("head", CREATING),
        event("Pod", "head", "FailedMount", MISSING, uid="p", first=6),
    )
    with pytest.raises(WaitTimeout):
        deployed.wait(kube, replace(MINE, groups={"headgroup": 1}), within=0.5)


def test_a_pod_that_the_kubelet_refuses_has_its_words_in_the_state() -> None:
    status = {"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"}
    assert platform_kube.pod_state(pod("head", status)) == "Failed, OutOfcpu: Node didn't have enough resource: cpu"
