"""Names of images: read as docker reads them, and what a mirror calls them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesh.errors import UsageError
from raymesh.images import registry
from raymesh.images.names import Reference, checked_registry, mirrored, parse
from raymesh.lane import lane_names, load_lane

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("busybox", Reference("docker.io", "library/busybox", "latest")),
        ("my/operator:pr-123", Reference("docker.io", "my/operator", "pr-123")),
        ("quay.io/kiali/kiali:v1.79.0", Reference("quay.io", "kiali/kiali", "v1.79.0")),
        ("localhost/raymesh/ray:1", Reference("localhost", "raymesh/ray", "1")),
        ("localhost:5000/a", Reference("localhost:5000", "a", "latest")),
        ("10.0.0.1:5000/a/b/c:1", Reference("10.0.0.1:5000", "a/b/c", "1")),
        ("[::1]:5000/a:1", Reference("[::1]:5000", "a", "1")),
        (f"a.example/b@{DIGEST}", Reference("a.example", "b", "", DIGEST)),
        (f"a.example/b:1@{DIGEST}", Reference("a.example", "b", "1", DIGEST)),
    ],
)
def test_a_name_is_read_as_docker_does(text: str, found: Reference) -> None:
    assert parse(text) == found
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    "text", ["", "A/b:1", "a b", "a:", "a/:1", "a//b", "https://a.example/b", "a@sha256:12", "a@", "a:b:c", "a/b:-x"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no image's name"):
        parse(text)


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_name_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except UsageError:
        return
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("registry", "found"),
    [
        ("", f"quay.io/kiali/kiali:v1@{DIGEST}"),
        ("a.example", f"a.example/kiali/kiali:v1@{DIGEST}"),
        ("a.example:5000/b/c", f"a.example:5000/b/c/kiali/kiali:v1@{DIGEST}"),
    ],
)
def test_in_a_mirror_the_host_makes_way_and_the_path_stays(registry: str, found: str) -> None:
    assert mirrored(f"quay.io/kiali/kiali:v1@{DIGEST}", registry) == found


@pytest.mark.parametrize("name", lane_names())
def test_no_two_images_of_a_lane_have_one_name_in_a_mirror(name: str) -> None:
    found = registry.published(load_lane(name), "a.example/b")
    assert len(set(found.values())) == len(found)
    assert all(image.startswith("a.example/b/") for image in found.values())


@pytest.mark.parametrize("text", ["https://a.example", "mirror", "a.example/B", "a.example/b:1", "/b", "a.example//b"])
def test_what_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"HOST\[:PORT\]\[/PATH\]"):
        checked_registry(text)


def test_a_registry_may_end_in_a_slash() -> None:
    assert checked_registry("a.example/b/") == "a.example/b"


def test_a_lane_pins_digests_of_images_alone() -> None:
    lane = load_lane("seed")
    pinned = registry.published(replace(lane, digests={"kiali": DIGEST}), "a.example")
    assert pinned["kiali"] == f"a.example/kiali/kiali:v{lane.kiali}@{DIGEST}"
    with pytest.raises(UsageError, match=r"lane 'seed': digests of kiwi; images are ray, kuberay-operator"):
        registry.published(replace(lane, digests={"kiwi": DIGEST}))
