"""Content keys: whatever goes into an image changes its key, and nothing else does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.images import gobuild, recipes, workshop
from raymesh.images.gobuild import family_key
from raymesh.images.recipes import FOLDER, GoFamily, Root, load_recipes
from raymesh.images.workshop import NODE, Workshop, _root_key
from raymesh.lane import Lane, load_lane
from raymesh.machine.engine import Engine
from raymesh.paths import ROOT
from raymesh.progress import Progress

LOCKS = ROOT / "raymesh" / "audit" / "locks"
LANE = load_lane("seed").as_built()
Edit = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of images/ that recipes are read from, with a compiler that is always the same."""
    copied = tmp_path / "images"
    shutil.copytree(FOLDER, copied)
    shutil.copytree(LOCKS, tmp_path / LOCKS.relative_to(ROOT))
    monkeypatch.setattr(recipes, "FOLDER", copied)
    monkeypatch.setattr(workshop, "in_tree", tmp_path.joinpath)
    monkeypatch.setattr(gobuild, "go_version", lambda: "go1.26.8")
    return copied


def keys(folder: Path, lane: Lane = LANE) -> dict[str, str]:
    read = load_recipes(lane, folder / "recipes.yaml")
    made = Workshop(lane, Engine("docker", "27", "127.0.0.1"), Progress(), read, folder)
    return {name: made._key(recipe) for name, recipe in read.images.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def append(path: str, text: str = "# x\n") -> Edit:
    return lambda folder: (folder / path).write_text((folder / path).read_text() + text)


def swap(old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / "recipes.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    return edit


def test_keys_are_the_same_for_the_same_and_differ_between_images(folder: Path) -> None:
    assert keys(folder) == keys(folder)
    assert len(set(keys(folder).values())) == len(keys(folder))


FROM_DEBIAN = {"kube-proxy", "etcd", "pilot", "sidecar", "prometheus", "ray"}
OF_KUBERNETES = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"}


@pytest.mark.parametrize(
    ("edit", "images"),
    [
        pytest.param(append("jaeger/Dockerfile"), {"jaeger"}, id="dockerfile"),
        pytest.param(append("kiali/index.html"), {"kiali"}, id="file beside it"),
        pytest.param(append("node/files/etc/default/kubelet"), set(), id="file of the node"),
        pytest.param(lambda f: (f / "etcd" / "new").touch(), {"etcd"}, id="new file"),
        pytest.param(append(f"istio/{LANE.istio}/go.mod", "// x\n"), {"pilot", "sidecar"}, id="go.mod"),
        pytest.param(append(f"kiali/{LANE.kiali}/go.sum", "x\n"), {"kiali"}, id="go.sum"),
        pytest.param(append("pause/main.go", "// x\n"), {"pause"}, id="go source"),
        pytest.param(append(f"../{LOCKS.relative_to(ROOT)}/{LANE.ray}.txt"), {"ray"}, id="wheels"),
        pytest.param(swap("tags: providerless", "tags: other"), OF_KUBERNETES, id="build tags"),
        pytest.param(swap("buildStatus: Clean", "buildStatus: Other"), {"pilot", "sidecar"}, id="stamps"),
        pytest.param(swap("[prometheus]", "[prometheus, tini]"), {"prometheus"}, id="packages"),
        pytest.param(swap("netcat-openbsd, ", ""), FROM_DEBIAN, id="packages of the root"),
        pytest.param(swap("PROGRAM: kube-scheduler", "PROGRAM: other"), {"kube-scheduler"}, id="build argument"),
        pytest.param(swap('tag: "1"', 'tag: "2"'), {"pause"}, id="name"),
        pytest.param(swap("common/envoy_bootstrap.json", "common/other.json"), {"sidecar"}, id="file of a module"),
    ],
)
def test_an_input_changes_the_images_that_it_goes_into_and_the_node(folder: Path, edit: Edit, images: set[str]) -> None:
    before = keys(folder)
    edit(folder)
    assert changed(before, keys(folder)) == images | {NODE}


def test_another_compiler_makes_every_go_program_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys(folder)
    monkeypatch.setattr(gobuild, "go_version", lambda: "go1.27")
    with_go = {name for name, recipe in load_recipes(LANE, folder / "recipes.yaml").images.items() if recipe.bin}
    assert changed(before, keys(folder)) == with_go


@pytest.mark.parametrize(
    ("version", "images"),
    [("istio", {"pilot", "sidecar"}), ("envoy", {"sidecar"}), ("kiali", {"kiali"}), ("jaeger", {"jaeger"})],
)
def test_a_version_of_the_lane_changes_its_own_images(folder: Path, version: str, images: set[str]) -> None:
    own = folder / ("sidecar" if version == "envoy" else version)
    shutil.copytree(own / getattr(LANE, version), own / "9.9.9")
    other = replace(LANE, **{version: "9.9.9"})  # type: ignore[arg-type]  # every version is a word
    assert changed(keys(folder), keys(folder, other)) == images | {NODE}


def test_another_lanes_own_changes_nothing(folder: Path) -> None:
    before = keys(folder)
    for family in ("kuberay", "etcd", "istio"):
        (folder / family / "9.9.9").mkdir()
        (folder / family / "9.9.9" / "go.mod").write_text("module x\n")
    assert keys(folder) == before


def test_nodes_of_two_lanes_have_two_names_and_what_both_hold_has_one(folder: Path) -> None:
    def names(lane: Lane) -> dict[str, str]:
        read = load_recipes(lane, folder / "recipes.yaml")
        return Workshop(lane, Engine("docker", "27", "127.0.0.1"), Progress(), read, folder).references()

    seed, now = names(LANE), names(load_lane("guide-now").as_built())
    assert LANE.kubernetes == load_lane("guide-now").as_built().kubernetes
    assert {role for role in seed if seed[role] != now[role]} == {NODE, "ray", "kuberay-operator"}
    stable = load_lane("stable").as_built()
    same = {role for role, key in keys(folder).items() if key == keys(folder, stable)[role]}
    assert same == {"etcd", "coredns", "pause", "prometheus"}


def test_another_ray_changes_rays_image(folder: Path) -> None:
    [other, *_] = [path.stem for path in sorted(LOCKS.glob("*.txt")) if path.stem != LANE.ray]
    assert changed(keys(folder), keys(folder, replace(LANE, ray=other))) == {"ray", NODE}


@settings(max_examples=50)
@given(st.sets(st.sampled_from(["a", "b", "ab", "c"])), st.sets(st.sampled_from(["a", "b", "ab", "c"])))
def test_a_root_is_keyed_by_its_packages_and_not_by_their_order(one: set[str], other: set[str]) -> None:
    key = _root_key(Root("x", "bookworm", tuple(sorted(one))))
    assert (key == _root_key(Root("x", "bookworm", tuple(sorted(other))))) == (one == other)
    assert key != _root_key(Root("x", "trixie", tuple(sorted(one))))


stamp = st.dictionaries(st.sampled_from(["main.version", "main.commit"]), st.sampled_from(["1", "2", "{ray}"]))
build = st.tuples(stamp, st.sampled_from(["", "slim"]))


@settings(max_examples=50)
@given(build, build)
def test_a_family_is_keyed_by_tags_and_stamps(
    one: tuple[dict[str, str], str], other: tuple[dict[str, str], str]
) -> None:
    """The order of stamps may count, their content must."""

    def key(made: tuple[dict[str, str], str], lane: Lane = LANE) -> str:
        ordered = dict(sorted(made[0].items()))
        return family_key(GoFamily("pause", 1, tags=made[1], ldflags=ordered), lane, "go1.26.8")

    assert (key(one) == key(other)) == (one == other)
    uses_ray = "{ray}" in one[0].values()
    assert (key(one) != key(one, replace(LANE, ray="9.9.9"))) == uses_ray
