"""Settings: who overrides whom, and what a bad value is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from raymesh.errors import UsageError
from raymesh.lane import LANES_FILE, Lane, load_lane
from raymesh.paths import cache_dir
from raymesh.settings import ON_A_BORROWED_CLUSTER, OPTIONS, WITNESSES, Option, Settings, load_settings

ROWS = yaml.safe_load(LANES_FILE.read_text())["lanes"]
VERSIONS = {f.name for f in fields(Lane)} - {"name", "digests", "build", "replaced"}
OTHER_VALUES = {
    "set": ("kuberay=1.5.1", "ray=2.46.0"),
    "image-source": ("pull", "build"),
    "image": ("kiali=mine/kiali:1", "ray=a:1,node=b:2"),
    "registry": ("one.example/mirror", "localhost:5000"),
    "registry-ca": (__file__, yaml.__file__),
    "keep-cluster": ("yes", "no"),
    "cluster-name": ("one", "two"),
    "artifacts": ("here", "there"),
    "timeout-factor": ("2", "3"),
    "nodes": ("2", "3"),
    "subject": ("mine.yaml", "yours/,-"),
    "context": ("one", "two"),
    "namespace": ("one", "two"),
    "running": ("team-a/ray", "team-b/ray"),
    "no-traffic": ("yes", "no"),
    "without": ("kiali", "jaeger,prometheus"),
    "faults-allowed": ("one", "two"),
    "callers": ("team-a/web", "team-a/web,ingress/gateway"),
    "expect": ("strict", "permissive"),
    "sampling": ("1", "50"),
    "wire": ("yes", "no"),
    **dict.fromkeys(WITNESSES, ("http://one", "http://two")),
    **dict.fromkeys((*(f"{name}-token" for name in WITNESSES), "witness-ca"), (__file__, yaml.__file__)),
}
# What an option needs beside it, for it is refused where it would do nothing.
NEEDS: Mapping[str, dict[str, str]] = {
    **{
        name: {"context": "staging", "subject": "mine.yaml"}
        for name in ("callers", "context", "faults-allowed", *ON_A_BORROWED_CLUSTER)
    },
    **{name: {"context": "staging", "running": "team-a/ray"} for name in ("running", "no-traffic")},
    "registry-ca": {"registry": "one.example"},
}


def load(given: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    return load_settings((given or {}).get, environ or {})


def test_nothing_given_means_the_defaults() -> None:
    settings = load()
    assert settings.lane.name == "seed"
    assert (settings.image_source, settings.keep_cluster, settings.cluster_name) == ("auto", False, "raymesh")
    assert settings.timeout_factor == 1.0
    assert settings.artifacts.is_absolute()


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.name != "lane"], ids=lambda o: o.name)
def test_the_command_line_goes_before_the_environment_and_that_before_the_default(option: Option) -> None:
    typed, set_outside = OTHER_VALUES[option.name]
    beside = NEEDS.get(option.name, {})
    outside = load(without(beside, option), {option.variable: set_outside})
    both = load(beside | {option.name: typed}, {option.variable: set_outside})
    assert both == load(beside | {option.name: typed})
    assert outside == load(beside | {option.name: set_outside})
    assert both != outside


def without(given: Mapping[str, str], option: Option) -> dict[str, str]:
    return {name: value for name, value in given.items() if name != option.name}


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.name in ON_A_BORROWED_CLUSTER], ids=str)
def test_an_option_that_would_do_nothing_is_refused(option: Option) -> None:
    with pytest.raises(UsageError, match=rf"--{option.name} goes with --context"):
        load({option.name: OTHER_VALUES[option.name][0]})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"context": "a"}, "say what is proven there"),
        ({"context": "a", "subject": "b", "keep-cluster": "yes"}, "--keep-cluster is for a cluster made here"),
        ({"context": "a", "running": "b/c", "subject": "d"}, "one of them"),
        ({"context": "a", "running": "b/c", "namespace": "d"}, "leave --namespace away"),
        ({"context": "a", "running": "b"}, "--running 'b': NAMESPACE/NAME"),
        ({"context": "a", "subject": "b", "no-traffic": "yes"}, "--no-traffic goes with --running"),
        ({"context": "a", "subject": "b", "without": "grafana"}, "--without 'grafana': one of kiali, jaeger"),
        ({"context": "a", "running": "b/c", "wire": "yes"}, "--running changes nothing, and --wire"),
        ({"context": "a", "subject": "b", "sampling": "0"}, "--sampling '0': a number from 0.01 to 100"),
        ({"context": "a", "subject": "b", "kiali-token": "/nowhere"}, "--kiali-token /nowhere: no such file"),
        ({"faults-allowed": "a"}, "--faults-allowed goes with --subject or --context"),
        ({"nodes": "1.5"}, "--nodes '1.5': a whole number"),
        ({"registry": "a.example", "image-source": "build"}, "--registry is where images are pulled from"),
        ({"registry-ca": __file__}, "--registry-ca goes with --registry"),
        ({"registry": "https://a.example"}, "--registry 'https://a.example': HOST.*without https://"),
        ({"registry": "a.example", "registry-ca": "/nowhere"}, "--registry-ca /nowhere: no such file"),
        ({"context": "a", "subject": "b", "image": "ray=a:1"}, "--image is for a cluster made here"),
    ],
)
def test_options_that_do_not_go_together_are_refused_with_the_reason(given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load(given)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load({}, {"RAYMESH_IMAGE_SOURCE": ""}).image_source == "auto"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("lane", "sed", r"unknown lane 'sed'; lanes.yaml has: .*seed"),
        ("image-source", "pul", r"--image-source 'pul': one of auto, pull, build"),
        ("keep-cluster", "maybe", r"--keep-cluster 'maybe': one of yes, no"),
        ("cluster-name", "My_Cluster", r"--cluster-name 'My_Cluster': lower-case letters"),
        ("cluster-name", "-a", r"--cluster-name '-a'"),
        ("cluster-name", "a" * 41, r"at most 40"),
        ("timeout-factor", "fast", r"--timeout-factor 'fast': a number from 0.1 to 100"),
        ("timeout-factor", "0", r"--timeout-factor '0'"),
        ("timeout-factor", "nan", r"--timeout-factor 'nan'"),
        ("timeout-factor", "inf", r"--timeout-factor 'inf'"),
    ],
)
def test_a_bad_value_is_named_with_what_the_option_takes(name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load({name: value})


def test_the_longest_cluster_name_is_taken() -> None:
    assert load({"cluster-name": "a" * 40}).cluster_name == "a" * 40


@pytest.mark.parametrize("word", ["yes", "YES", "true", "1"])
def test_words_that_keep_the_cluster(word: str) -> None:
    assert load({"keep-cluster": word}).keep_cluster


@pytest.mark.parametrize("name", ROWS)
def test_every_lane_is_whole_and_its_versions_are_words(name: str) -> None:
    """A version without quotes may become a number in YAML: 1.10 would be 1.1."""
    lane = load_lane(name)
    versions = [getattr(lane, name) for name in VERSIONS]
    assert all(isinstance(version, str) for version in [*versions, *lane.build.values(), *lane.digests.values()])


def test_a_built_lane_says_what_serves_and_what_was_asked_for(tmp_path: Path) -> None:
    lane = load_lane("x", lanes_file(tmp_path, row() | {"build": {"istio": "1.31-dev.abc"}}))
    built = lane.as_built()
    assert (built.istio, built.istio_minor, dict(built.replaced)) == ("1.31-dev.abc", (1, 31), {"istio": "istio-1.21"})
    assert not lane.replaced


@pytest.mark.parametrize(
    "broken",
    [
        {k: v for k, v in ROWS["seed"].items() if k != "ray"},
        ROWS["seed"] | {"rya": "1"},
        ROWS["seed"] | {"build": {"isto": "1"}},
    ],
    ids=["missing", "unknown", "unknown below build"],
)
def test_a_lane_that_is_not_whole_is_refused(tmp_path: Path, broken: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"lane 'x' needs the keys \[.*'ray'"):
        load_lane("x", lanes_file(tmp_path, broken))


def test_the_cache_folder_follows_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "raymesh"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == Path.home() / ".cache" / "raymesh"


def row() -> dict[str, object]:
    return {name: f"{name}-1.21" for name in VERSIONS}


def lanes_file(folder: Path, content: Mapping[str, object]) -> Path:
    path = folder / "lanes.yaml"
    path.write_text(yaml.safe_dump({"lanes": {"x": dict(content)}}))
    return path
