"""Namespaces with quotas, limits and policies: what they would refuse is told before anything is waited for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesh.errors import EnvironmentFault
from raymesh.images import registry
from raymesh.mesh import probes, rehearsal
from raymesh.mesh.rehearsal import beyond, of_ours, pods_of, rehearse, usage
from raymesh.paths import ROOT
from raymesh.platform.kube import Kube
from raymesh.subject.wanted import Around, Wanted, read, wanted_of
from tests.unit.api.server import Answer, Api

Doc = dict[str, Any]


def subject(name: str) -> Wanted:
    return wanted_of(read([str(ROOT / "manifests" / "subjects" / f"{name}.yaml")]), Around())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits here for what a real cluster takes."""
    monkeypatch.setattr(rehearsal, "SETTLED_SECONDS", 0.1)


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> Doc:
    metadata = {"name": "small", "namespace": "team-three"}
    status = {"hard": hard, "used": used or {}}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata,
        "spec": {"hard": hard, **spec},
        "status": status,
    }


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("three-groups", {"headgroup": 1, "plain": 1, "wide": 1, "beside": 1}),
        ("autoscaler", {"headgroup": 1, "small-group": 1}),
        ("rayjob", {"headgroup": 1, "small-group": 1}),
        ("rayservice", {"headgroup": 1, "small-group": 1}),
    ],
)
def test_a_pod_of_each_group_is_asked_for_as_it_will_be(name: str, groups: dict[str, int]) -> None:
    wanted = subject(name)
    asked = pods_of(wanted)
    assert {one.doc["metadata"]["labels"]["ray.io/group"]: one.count for one in asked} == groups
    assert {one.doc["metadata"]["namespace"] for one in asked} == {wanted.subject.namespace}


def test_nothing_is_kept_of_a_rehearsal_and_ours_are_asked_for_too(api: Api, kube: Kube) -> None:
    ours = probes.docs("team-three", registry.unchanged())
    assert rehearse(kube, "team-three", [*pods_of(subject("three-groups")), *of_ours(ours)]) == ()
    assert not api.objects
    assert [call.verb for call in api.calls if call.resource == "pods"] == ["create"] * 7
    assert rehearse(kube, "team-three", []) == ()


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true', "securityContext"),
        ('pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2', "LimitRange"),
        ('pods "x" is forbidden: failed quota: small: must specify limits.cpu for: ray-head', "requests and limits"),
        ('admission webhook "validate.kyverno.svc-fail" denied the request: no', "its owner"),
        ('pods "x" is forbidden: error looking up service account a/b: serviceaccount "b" not found', "ServiceAccount"),
        ("something that nobody has seen yet", "mend what the API server names"),
    ],
)
def test_what_would_be_refused_is_told_in_one_error_with_its_cure(said: str, cure: str, api: Api, kube: Kube) -> None:
    api.refused["create pods"] = Answer(403, said, "Forbidden")
    with pytest.raises(EnvironmentFault) as error:
        rehearse(kube, "team-three", pods_of(subject("three-groups")))
    assert said in error.value.cause
    assert cure in error.value.cure


def test_where_nobody_can_ask_beforehand_that_is_told(api: Api, kube: Kube) -> None:
    api.refused["create pods"] = Answer(400, 'admission webhook "a.b" does not support dry run', "BadRequest")
    [told] = rehearse(kube, "team-three", pods_of(subject("three-groups")))
    assert "could not be tried beforehand in team-three" in told


@pytest.mark.parametrize(
    ("hard", "used", "told"),
    [
        ({"pods": "3"}, {}, "pods: 4 wanted, 3 of 3 free"),
        ({"pods": "9"}, {"pods": "6"}, "pods: 4 wanted, 3 of 9 free"),
        ({"count/pods": "3"}, {}, "count/pods: 4 wanted"),
        ({"pods": "4"}, {}, ""),
        ({"services": "1", "persistentvolumeclaims": "0"}, {}, ""),
    ],
)
def test_a_quota_is_counted_over_all_pods(
    hard: dict[str, str], used: dict[str, str], told: str, api: Api, kube: Kube
) -> None:
    api.put(quota(hard, used))
    asked = pods_of(subject("three-groups"))
    if not told:
        assert rehearse(kube, "team-three", asked) == ()
        return
    with pytest.raises(
        EnvironmentFault, match="the ResourceQuota small of team-three does not take all pods: "
    ) as error:
        rehearse(kube, "team-three", asked)
    assert told in error.value.cause


def test_who_may_not_read_quotas_goes_on(api: Api, kube: Kube) -> None:
    api.refused["list resourcequotas"] = Answer(403, "resourcequotas is forbidden", "Forbidden")
    assert rehearse(kube, "team-three", pods_of(subject("three-groups"))) == ()


def container(name: str = "a", **requests: str) -> Doc:
    return {"name": name, "resources": {"requests": requests, "limits": dict.fromkeys(requests, "2")}}


def test_usage_is_the_sum_of_what_runs_or_the_largest_of_what_runs_before() -> None:
    spec = {
        "initContainers": [container(cpu="3"), {**container(cpu="100m"), "restartPolicy": "Always"}],
        "containers": [container(cpu="500m", memory="1Gi"), container(cpu="1")],
    }
    found = usage(spec)
    assert found["requests.cpu"] == 3
    assert found["limits.cpu"] == 6  # three that run at once
    assert found["requests.memory"] == 2**30
    assert usage({"containers": [{"name": "a"}]}) == {}


def test_words_without_a_kind_mean_requests_and_scoped_quotas_are_left_alone() -> None:
    pods = [({"spec": {"containers": [container(cpu="1")]}}, 3)]
    assert beyond(quota({"cpu": "2"}), pods) == ["cpu: 3 wanted, 2 of 2 free"]
    assert beyond(quota({"requests.cpu": "3", "limits.cpu": "5"}), pods) == ["limits.cpu: 6 wanted, 5 of 5 free"]
    assert beyond(quota({"cpu": "2"}, scopes=["BestEffort"]), pods) == []
    assert beyond(quota({"requests.nvidia.com/gpu": "0"}), pods) == []
    gpu = [({"spec": {"containers": [container(**{"nvidia.com/gpu": "1"})]}}, 1)]
    assert beyond(quota({"requests.nvidia.com/gpu": "0"}), gpu) == ["requests.nvidia.com/gpu: 1 wanted, 0 of 0 free"]


@given(st.integers(1, 9), st.integers(0, 20), st.integers(0, 20))
def test_a_quota_lacks_just_where_more_is_wanted_than_is_free(count: int, hard: int, used: int) -> None:
    found = beyond(quota({"pods": str(hard)}, {"pods": str(used)}), [({"spec": {"containers": []}}, count)])
    assert bool(found) == (Decimal(count) > hard - used)


def test_the_pods_of_raymesh_are_what_restricted_asks_for() -> None:
    """pod-security-admission policy/check_*.go of the level restricted, v1.29: all of what a pod's spec must say."""
    for one in of_ours(probes.docs("team", registry.unchanged())):
        spec = one.doc["spec"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all(set(volume) <= {"name", "emptyDir"} for volume in spec.get("volumes", []))
        for inner in spec["containers"]:
            told = inner["securityContext"]
            assert told["allowPrivilegeEscalation"] is False
            assert told["runAsNonRoot"] is True
            assert told["runAsUser"] > 0
            assert told["capabilities"] == {"drop": ["ALL"]}
