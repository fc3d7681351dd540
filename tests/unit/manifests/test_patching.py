"""Manifests as data: patches, images, and that what is applied is what the port contract says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from raymesh.errors import UsageError
from raymesh.images import registry
from raymesh.lane import lane_names, load_lane
from raymesh.manifests.patching import FOLDER, Doc, dump, load, patched, pod_templates, with_images
from raymesh.mesh.istio import peer_authentication

NOT_FOR_KUBECTL = ("lanes.yaml", "images.yaml", "kind/cluster.yaml", "istio/operator.yaml")
APPLIED = sorted(
    name for path in FOLDER.rglob("*.yaml") if (name := str(path.relative_to(FOLDER))) not in NOT_FOR_KUBECTL
)
RAY_OF_LANES = {f"rayproject/ray:{load_lane(name).ray}" for name in lane_names()}

docs_ = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(st.sampled_from("abc"), docs_, max_size=3)


@given(maps, maps)
def test_a_patch_is_in_the_result_and_the_original_is_as_it_was(doc: Doc, changes: Doc) -> None:
    before, wanted = copy.deepcopy(doc), copy.deepcopy(changes)
    result = patched(doc, changes)
    assert (doc, changes) == (before, wanted)
    assert contains(result, changes)
    assert patched(result, changes) == result
    assert {key: result[key] for key in doc.keys() - changes.keys()} == {k: doc[k] for k in doc.keys() - changes.keys()}


def test_lists_are_replaced_and_maps_merged() -> None:
    doc = {"spec": {"ports": [1, 2], "name": "a"}}
    assert patched(doc, {"spec": {"ports": [3]}}) == {"spec": {"ports": [3], "name": "a"}}


def test_images_are_replaced_in_every_container_of_every_pod_template() -> None:
    doc = {
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": {"initContainers": [{"image": "a"}], "containers": [{"image": "b"}]}}},
    }
    [result] = with_images([doc], {"a": "A", "b": "B"})
    assert images_of(result) == {"A", "B"}
    assert images_of(doc) == {"a", "b"}, "the original stays"


def test_an_image_without_a_mapping_is_refused_by_name() -> None:
    [_, cluster] = load("ray/seed.yaml")
    with pytest.raises(UsageError, match=r"RayCluster raycluster-istio: no image is mapped to rayproject/ray"):
        with_images([cluster], {"other": "x"})


@pytest.mark.parametrize("name", APPLIED)
def test_what_is_applied_parses_names_its_kind_and_uses_known_images(name: str) -> None:
    docs = load(name)
    assert docs
    for doc in docs:
        assert {"apiVersion", "kind", "metadata"} <= doc.keys()
        assert doc["metadata"]["name"]
        others = {"redis:7.4"} if name == "subjects/gcs-redis.yaml" else set()  # a user's own
        assert images_of(doc) <= {*registry.written().values(), *RAY_OF_LANES, *others}
    assert list(yaml.safe_load_all(dump(docs))) == docs


def test_istio_is_asked_for_what_the_guide_asks_for() -> None:
    [operator] = load("istio/operator.yaml")
    mesh = operator["spec"]["meshConfig"]
    assert mesh["defaultConfig"]["tracing"] == {"sampling": 100}
    assert mesh["defaultConfig"]["runtimeValues"] == {"envoy.reloadable_features.sanitize_te": "false"}
    assert mesh["meshMTLS"] == {"minProtocolVersion": "TLSV1_3"}


def test_strict_is_as_written_and_permissive_differs_in_the_mode_alone() -> None:
    [written] = load("istio/peer-authentication.yaml")
    assert written["spec"] == {"mtls": {"mode": "STRICT"}}
    assert peer_authentication("default") == written
    assert peer_authentication("default", "PERMISSIVE") == written | {"spec": {"mtls": {"mode": "PERMISSIVE"}}}
    assert peer_authentication("team-a")["metadata"]["namespace"] == "team-a"


def contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    return bool(whole == part)


def images_of(doc: Doc) -> set[str]:
    specs = [template["spec"] for template in pod_templates(doc)]
    return {
        container["image"] for spec in specs for container in [*spec.get("initContainers", []), *spec["containers"]]
    }
