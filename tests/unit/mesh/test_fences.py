"""NetworkPolicies in a subject's namespace: who knocks is let through, and nothing is shut that was open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raymesh.mesh import fences

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
