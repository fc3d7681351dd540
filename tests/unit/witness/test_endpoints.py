"""Who is behind a Service, as Kubernetes writes it into EndpointSlices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.endpoints import parse_endpoints

POD = {"kind": "Pod", "name": "head", "namespace": "n"}


def slices(*endpoints: Any) -> str:
    """One slice an endpoint, as for two families, and one without any."""
    return json.dumps({"items": [*({"endpoints": [one]} for one in endpoints), {"endpoints": None}]})


@pytest.mark.parametrize(
    ("endpoint", "behind"),
    [
        ({"addresses": ["10.0.0.1"], "targetRef": POD}, ["head"]),
        ({"addresses": ["10.0.0.1"], "conditions": {"ready": False}, "targetRef": POD}, ["head"]),
        ({"addresses": ["10.0.0.1"], "conditions": {"terminating": True}, "targetRef": POD}, []),
        ({"addresses": ["10.0.0.1"]}, ["10.0.0.1"]),
        ({"addresses": ["10.0.0.1", "10.0.0.2"], "conditions": {}}, ["10.0.0.1", "10.0.0.2"]),
        ({"addresses": ["fd00::1"], "targetRef": {"kind": "Node", "name": "n"}}, ["fd00::1"]),
    ],
)
def test_pods_and_bare_addresses_are_read(endpoint: Any, behind: list[str]) -> None:
    assert [str(one) for one in parse_endpoints(slices(endpoint))] == behind


@pytest.mark.parametrize("text", ["{}", '{"items": [{"endpoints": [{"addresses": null}]}]}', "[]", ""])
def test_what_is_no_list_of_slices_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_endpoints(text)
