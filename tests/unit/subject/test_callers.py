"""Who may call a subject besides itself: whom the user names, and what its manifests bring along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raymesh.errors import UsageError
from raymesh.paths import ROOT
from raymesh.settings import load_settings
from raymesh.subject.callers import Caller, companions, pods_of
from raymesh.subject.wanted import Around, Wanted, read, wanted_of
from tests.unit.verdicts.built_subject import PODS

SUBJECTS = ROOT / "manifests" / "subjects"


def subject(name: str) -> Wanted:
    return wanted_of(read([str(SUBJECTS / f"{name}.yaml")]), Around())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gcs-redis", {Caller("team-durable", "redis")}),
        ("rayjob-submitter", {Caller("team-submitter", "default")}),
        ("rayjob", set()),
        ("rayjob-sidecar", set()),
        ("rayjob-interactive", set()),
        ("three-groups", set()),
    ],
)
def test_workloads_of_the_manifests_are_named_by_them(name: str, wanted: set[Caller]) -> None:
    found = subject(name)
    assert companions(found.docs, found.subject.namespace) == wanted


def test_a_submitter_with_an_account_of_its_own_is_named_by_that() -> None:
    job = {
        "kind": "RayJob",
        "metadata": {"name": "a"},
        "spec": {"submitterPodTemplate": {"spec": {"serviceAccountName": "who", "containers": []}}},
    }
    assert companions([job], "team") == {Caller("team", "who")}


def test_pods_are_those_that_run_as_one_of_them() -> None:
    web = replace(PODS[0], name="web-1", namespace="team-a", service_account="web")
    other = replace(web, name="other-1", service_account="other")
    elsewhere = replace(web, name="web-2", namespace="team-b")
    assert pods_of({Caller("team-a", "web")}, [*PODS, web, other, elsewhere]) == {"web-1"}
    assert pods_of(frozenset(), PODS) == frozenset()
    assert Caller("team-a", "web").spiffe("cluster.local") == "spiffe://cluster.local/ns/team-a/sa/web"


def test_callers_are_given_as_namespace_and_account() -> None:
    settings = load_settings({"subject": "-", "callers": "team-a/web, ingress/gateway"}.get, {})
    assert settings.callers == (("team-a", "web"), ("ingress", "gateway"))
    for text in ("web", "a/b/c", "A/b", "a/"):
        with pytest.raises(UsageError, match="NAMESPACE/SERVICEACCOUNT"):
            load_settings({"subject": "-", "callers": text}.get, {})
    with pytest.raises(UsageError, match="--callers goes with --subject or --context"):
        load_settings({"callers": "a/b"}.get, {})
