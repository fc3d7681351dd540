"""Which image source serves: every image of the lane is asked for, and whoever does not give one is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images import registry
from raymesh.images.given import Load
from raymesh.images.names import Reference
from raymesh.images.remote import Blob, Manifest, Registries, Remote
from raymesh.images.source import Served, _with_given, pullable
from raymesh.images.workshop import LABEL
from raymesh.lane import load_lane
from raymesh.machine.engine import Engine
from raymesh.machine.programs import Completed
from raymesh.progress import Progress
from raymesh.settings import Settings, load_settings

HUB = "docker.io"
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Registries of which those that are put in here give nothing."""
    found: set[str] = set()

    def manifest(remote: Remote, image: Reference) -> Manifest:
        if remote.host in found:
            raise EnvironmentFault(f"{remote.host} does not answer", "ask again")
        return Manifest(image, DIGEST, Blob(DIGEST, 1), ())

    monkeypatch.setattr(Remote, "manifest", manifest)
    return found


def wanted(**options: str) -> Settings:
    return load_settings({name.replace("_", "-"): value for name, value in options.items()}.get, environ={})


@pytest.mark.parametrize(("asked", "pulls"), [("auto", True), ("pull", True), ("build", False)])
@pytest.mark.usefixtures("silent")
def test_what_every_registry_gives_is_pulled(asked: str, pulls: bool) -> None:
    found = pullable(wanted(image_source=asked), Registries(), Progress())
    assert set(found) == (set(registry.published(load_lane("seed"))) if pulls else set())


def test_a_registry_that_gives_no_image_is_named(silent: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    silent.add(HUB)
    assert pullable(wanted(), Registries(), Progress()) == {}
    assert f"images are made here, not pulled: no image of the lane from {HUB}\n" in capsys.readouterr().err
    with pytest.raises(EnvironmentFault, match=rf"images can't be pulled: {HUB} does not answer\n  cure: ask again;"):
        pullable(wanted(image_source="pull"), Registries(), Progress())


def test_a_mirror_that_is_named_is_pulled_from_or_the_run_ends(silent: set[str]) -> None:
    settings = wanted(registry="a.example/mirror")
    found = pullable(settings, Registries("a.example"), Progress())
    assert {one.reference.host for one in found.values()} == {"a.example"}
    silent.add("a.example")
    with pytest.raises(EnvironmentFault, match=r"a\.example does not answer"):
        pullable(settings, Registries("a.example"), Progress())


@pytest.mark.usefixtures("silent")
def test_an_image_that_is_given_is_not_asked_for() -> None:
    assert "kiali" not in pullable(wanted(image="kiali=mine:1"), Registries(), Progress())


def load(role: str, labels: Mapping[str, str] | None = None) -> Load:
    return Load(f"given-{role}:1", DIGEST, f"mine/{role}:1, a file", labels or {}, lambda _: None)


def served(**other: object) -> Served:
    roles = ("node", "sidecar", "pilot", "kiali", "kuberay-operator", "ray", "jaeger", "prometheus")
    names = {role: f"made/{role}:1" for role in roles}
    lane = load_lane("seed").as_built()
    made = Served("build", lane, names, Path(), Path(), "key", stock_proxy=True, own_node=True, closed=True)
    return _with_given(made, other, Engine("docker", "27", ""), Progress())  # type: ignore[arg-type]  # Load by role


def test_what_is_given_serves_in_the_lanes_place_and_the_first_words_say_so() -> None:
    found = served(kiali=load("kiali"))
    assert (found.by_role["kiali"], found.by_role["ray"]) == ("given-kiali:1", "made/ray:1")
    assert [one.name for one in found.loads] == ["given-kiali:1"]
    assert found.headline.startswith(f"kiali=mine/kiali:1, a file ({DIGEST}), lane seed: ")
    assert (found.digests, found.stock_proxy, found.own_node) == ({"kiali": DIGEST}, True, True)
    assert found.key != served().key == "key"


@pytest.mark.parametrize(("labels", "stock"), [({}, False), ({LABEL: "k"}, True)])
def test_which_proxy_serves_is_seen_at_its_image(labels: dict[str, str], stock: bool) -> None:
    found = served(sidecar=load("sidecar", labels))
    assert found.stock_proxy is stock
    assert found.proxy.startswith("stock Envoy of mine" if stock else "istio-proxy of mine")


@pytest.mark.parametrize(("labels", "own"), [({}, False), ({LABEL: "k"}, True)])
def test_a_node_goes_to_the_engine_and_what_pods_run_into_it(
    labels: dict[str, str], own: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked: list[str] = []

    def docker(_: Engine, *words: object, **__: object) -> Completed:
        asked.append(str(words[0]))
        return Completed(1 if words[0] == "image" else 0, "", "", 0.0)

    monkeypatch.setattr(Engine, "docker", docker)
    found = served(node=load("node", labels), ray=load("ray"))
    assert (found.own_node, asked) == (own, ["image", "load"])
    others = {f"made/{role}:1" for role in ("sidecar", "pilot", "kiali", "kuberay-operator", "jaeger", "prometheus")}
    assert {one.name for one in found.loads} == others | {"given-ray:1"}, "they were in the node that was made here"
    assert ("etcd" in found.by_role) is own, "kubeadm is told which one such a node has"
    assert not list(tmp_path.glob("raymesh/load-*"))


@pytest.mark.parametrize(("machine", "ending"), [("amd64", "-py311"), ("arm64", "-py311-aarch64")])
def test_images_are_those_of_the_machine_on_which_the_engine_runs(
    machine: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, str] = {}

    def manifest(remote: Remote, image: Reference) -> Manifest:
        asked[str(image)] = remote.machine
        return Manifest(image, DIGEST, Blob(DIGEST, 1), ())

    monkeypatch.setattr(Remote, "manifest", manifest)
    found = pullable(wanted(), Registries(machine=machine), Progress())
    assert str(found["ray"].reference).endswith(ending)
    assert set(asked.values()) == {machine}
