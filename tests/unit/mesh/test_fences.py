"""NetworkPolicies in a subject's namespace: who knocks is let through, and nothing is shut that was open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from raymesh.errors import EnvironmentFault
from raymesh.mesh import fences
from raymesh.paths import ROOT
from raymesh.subject.wanted import Around, Wanted, wanted_of
from tests.unit.api.server import borrowed, cluster

Doc = dict[str, Any]
RAY = {"ray.io/cluster": "mine", "ray.io/node-type": "head", "app": "mine"}
IN, OUT = "raymesh-knocks-at-ray", "raymesh-who-knocks"


def policy(spec: Doc) -> Doc:
    metadata = {"name": "theirs", "namespace": "team"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def names(*specs: Doc) -> list[str]:
    listed = {"apiVersion": "v1", "kind": "List", "items": [policy(spec) for spec in specs]}
    found = fences.openings(json.dumps(listed), "team", RAY)
    assert all(doc["metadata"]["namespace"] == "team" for doc in found)
    return [doc["metadata"]["name"] for doc in found]


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, [OUT, IN]),
        ({"podSelector": {}}, [OUT, IN]),  # without a word for it, Ingress
        ({"podSelector": {}, "policyTypes": ["Egress"]}, [OUT]),
        ({"podSelector": {"matchLabels": {"app": "other"}}, "policyTypes": ["Ingress"]}, [OUT]),
        ({"podSelector": {"matchLabels": {"app": "mine"}}, "policyTypes": ["Ingress"]}, [OUT, IN]),
        ({"podSelector": {"matchExpressions": [{"key": "ray.io/cluster", "operator": "Exists"}]}}, [OUT, IN]),
    ],
)
def test_ray_is_opened_to_who_knocks_just_where_something_isolates_it(spec: Doc, wanted: list[str]) -> None:
    assert names(spec) == wanted


def test_where_there_are_no_policies_none_is_made() -> None:
    assert names() == []


def test_what_may_have_been_made_can_be_removed() -> None:
    assert [doc["metadata"]["name"] for doc in fences.every("team")] == [OUT, IN]


DENY: Doc = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
OPEN: Doc = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
DNS_ALONE: Doc = {**DENY, "ingress": [{}], "egress": [{"ports": [{"protocol": "UDP", "port": 53}]}]}


def subject(*more: Doc) -> Wanted:
    docs = list(yaml.safe_load_all((ROOT / "manifests" / "subjects" / "three-groups.yaml").read_text()))
    for one in more:
        one["metadata"]["namespace"] = "team-three"
    return wanted_of({"mine.yaml": yaml.safe_dump_all([*docs, *more])}, Around())


@pytest.mark.parametrize(
    ("theirs", "mine", "told"),
    [
        ([DENY], [], ["RM055", "RM056"]),
        ([], [DENY], ["RM055", "RM056"]),
        ([DNS_ALONE], [], ["RM056"]),
        ([DENY, OPEN], [], []),  # policies add to each other
        ([DENY], [OPEN], []),
        ([], [], []),
        ([{"podSelector": {}, "policyTypes": ["Ingress"]}], [], []),  # what comes in is another matter
        ([{"podSelector": {"matchLabels": {"app": "else"}}, "policyTypes": ["Egress"]}], [], []),
    ],
)
def test_a_namespace_that_shuts_sidecars_off_is_told_before_anybody_waits(
    theirs: list[Doc], mine: list[Doc], told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with borrowed(monkeypatch, tmp_path) as api:
        for number, spec in enumerate(theirs):
            one = policy(spec)
            one["metadata"] = {"name": f"theirs-{number}", "namespace": "team-three"}
            api.put(one)
        wanted = subject(*(policy(spec) for spec in mine))
        if not told:
            fences.demand(cluster(api, tmp_path), wanted, Around())
            return
        with pytest.raises(EnvironmentFault, match="pods in team-three would never get Ready") as error:
            fences.demand(cluster(api, tmp_path), wanted, Around())
        assert [rule for rule in ("RM054", "RM055", "RM056", "RM057") if rule in error.value.cause] == told
        assert "an egress rule for TCP 15012" in error.value.cure
