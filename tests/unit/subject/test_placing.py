"""A subject's manifests as they are applied: in order, in another namespace, with images that serve here."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from raymesh.errors import UsageError
from raymesh.manifests.patching import dump
from raymesh.paths import ROOT
from raymesh.subject import placing
from raymesh.subject.wanted import Around, Wanted, read, wanted_of

SUBJECTS = ROOT / "manifests" / "subjects"


def subject(name: str) -> Wanted:
    return wanted_of(read([str(SUBJECTS / name)]), Around())


def test_rays_own_kinds_come_last_and_namespaces_first() -> None:
    found = subject("rayservice.yaml")
    kinds = [doc["kind"] for doc in placing.in_order(reversed(found.docs))]
    assert kinds[0] == "Namespace"
    assert kinds[-1] == "RayService"
    assert set(kinds) == {doc["kind"] for doc in found.docs}


@pytest.mark.parametrize("path", sorted(SUBJECTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_of_a_moved_subject_is_left_where_it_was(path: Any) -> None:
    before = subject(path.name)
    old = before.subject.namespace
    moved = placing.moved(before, "elsewhere")
    text = dump(moved.docs)
    assert {doc["metadata"]["namespace"] for doc in moved.docs} == {"elsewhere"}
    assert f".{old}.svc" not in text
    again = wanted_of({"moved.yaml": text}, Around())
    assert again.subject == moved.subject
    assert placing.namespaces(moved) == ["elsewhere"]


def test_identities_and_namespaces_of_policies_move_too() -> None:
    found = subject("three-groups.yaml")
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "own", "namespace": "team-three"},
        "spec": {
            "rules": [
                {"from": [{"source": {"principals": ["cluster.local/ns/team-three/sa/three"]}}]},
                {"from": [{"source": {"namespaces": ["team-three", "others"]}}]},
            ]
        },
    }
    text = yaml.safe_dump_all([*found.docs, policy])
    moved = placing.moved(wanted_of({"x.yaml": text}, Around()), "elsewhere")
    [rules] = [doc["spec"]["rules"] for doc in moved.docs if doc["kind"] == "AuthorizationPolicy"]
    assert rules[0]["from"][0]["source"]["principals"] == ["cluster.local/ns/elsewhere/sa/three"]
    assert rules[1]["from"][0]["source"]["namespaces"] == ["elsewhere", "others"]


def test_what_lies_in_several_namespaces_or_in_none_is_not_moved() -> None:
    found = list(subject("three-groups.yaml").docs)
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "others"}}
    with pytest.raises(UsageError, match="objects in others besides team-three"):
        placing.moved(wanted_of({"x.yaml": yaml.safe_dump_all([*found, other])}, Around()), "elsewhere")
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "mine"}}
    with pytest.raises(UsageError, match="ClusterRole mine: not in a namespace, so it would stay"):
        placing.moved(wanted_of({"x.yaml": yaml.safe_dump_all([*found, role])}, Around()), "elsewhere")


def test_any_image_of_the_same_ray_is_served_by_the_one_made_here_and_said_to_be() -> None:
    found = copy.deepcopy(list(subject("three-groups.yaml").docs))
    cluster = next(doc for doc in found if doc["kind"] == "RayCluster")
    head = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    head |= {"image": "mirror.example/rayproject/ray:2.10.0-py311-cpu", "imagePullPolicy": "Always"}
    served, told = placing.served(found, {}, "made/ray:k1", "2.10.0")
    images = {c["image"] for c in placing._containers(served)}
    assert images == {"made/ray:k1"}
    assert "imagePullPolicy" not in dump(served)
    assert sorted(told) == [
        "mirror.example/rayproject/ray:2.10.0-py311-cpu is served by made/ray:k1",
        "rayproject/ray:2.10.0 is served by made/ray:k1",
    ]


@pytest.mark.parametrize("image", ["rayproject/ray:2.46.0", "busybox:1", "mine/ray-app:2.10.0", "rayproject/ray"])
def test_another_image_is_refused_where_no_registry_is_reached(image: str) -> None:
    found = copy.deepcopy(list(subject("three-groups.yaml").docs))
    cluster = next(doc for doc in found if doc["kind"] == "RayCluster")
    cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"] = image
    with pytest.raises(UsageError, match=f"the image {image} can't be had here.*Take an image"):
        placing.served(found, {}, "made/ray:k1", "2.10.0")


def test_a_job_that_would_take_its_cluster_with_it_is_kept() -> None:
    found = copy.deepcopy(list(subject("rayjob.yaml").docs))
    job = next(doc for doc in found if doc["kind"] == "RayJob")
    job["spec"] |= {"shutdownAfterJobFinishes": True, "ttlSecondsAfterFinished": 5}
    kept, told = placing.lasting(found)
    spec = next(doc for doc in kept if doc["kind"] == "RayJob")["spec"]
    assert spec["shutdownAfterJobFinishes"] is False
    assert "ttlSecondsAfterFinished" not in spec
    assert len(told) == 1
    assert placing.lasting(kept) == (kept, [])


def test_pods_that_name_no_account_get_one_and_others_keep_theirs() -> None:
    made, told = placing.with_account(subject("runtime-env-http.yaml"))
    assert made.docs[0]["kind"] == "ServiceAccount"
    assert dump(made.docs).count("serviceAccountName: plain") == 2
    assert made.subject.service_accounts == {"plain"}
    assert len(told) == 1
    three = subject("three-groups.yaml")
    assert placing.with_account(three) == (three, [])


@pytest.mark.parametrize(
    ("level", "refused"), [("restricted", True), ("baseline", True), ("privileged", False), ("", False)]
)
def test_a_namespace_that_takes_no_sidecar_of_a_cluster_made_here_is_refused_at_once(level: str, refused: bool) -> None:
    found = copy.deepcopy(list(subject("three-groups.yaml").docs))
    space = next(doc for doc in found if doc["kind"] == "Namespace")
    space["metadata"]["labels"] |= {placing.ENFORCE: level} if level else {}
    wanted = wanted_of({"mine.yaml": yaml.safe_dump_all(found)}, Around())
    if not refused:
        assert placing.enforced(wanted.docs) == {}
        placing.refuse_what_takes_no_sidecar(wanted)
        return
    with pytest.raises(UsageError, match=f"Namespace team-three enforces PodSecurity {level}.*take the label"):
        placing.refuse_what_takes_no_sidecar(wanted)
