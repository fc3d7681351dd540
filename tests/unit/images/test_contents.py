"""The bill of what a run is made of: all that is pinned is in it, with its hash, once."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from raymesh.commands.main import main
from raymesh.images import registry
from raymesh.images.contents import bill
from raymesh.images.recipes import fill, load_recipes
from raymesh.lane import lane_names, load_lane
from raymesh.paths import ROOT

SOURCES: list[Literal["pull", "build"]] = ["pull", "build"]
LANE = load_lane("seed")
RECIPES = load_recipes(LANE.as_built())
BUILT = sorted({family for recipe in RECIPES.images.values() for family in recipe.bin})

# Schemas of CycloneDX 1.5 (Apache-2.0) with those that it refers to, as cyclonedx-python-lib 11.12.0 has them.
SCHEMAS = json.loads(gzip.decompress(Path(__file__).with_name("cyclonedx-1.5.json.gz").read_bytes()))
VALIDATOR = Draft7Validator(
    SCHEMAS["bom-1.5.SNAPSHOT.schema.json"],
    registry=Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in SCHEMAS.values()),
)


def components(source: Literal["pull", "build"]) -> dict[str, dict[str, Any]]:
    return {one["purl"]: one for one in bill(LANE, source)["components"]}


@pytest.mark.parametrize("source", SOURCES)
def test_everything_is_in_it_once_and_it_is_the_same_each_time(source: Literal["pull", "build"]) -> None:
    made = bill(LANE, source)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.5")
    assert not [name for name, n in Counter(one["bom-ref"] for one in made["components"]).items() if n > 1]
    assert made == bill(LANE, source)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("lane", lane_names())
def test_it_is_what_cyclonedx_says(lane: str, source: Literal["pull", "build"]) -> None:
    made = json.loads(json.dumps(bill(load_lane(lane), source)))
    assert [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(made)] == []
    assert not VALIDATOR.is_valid(made | {"components": [{"type": "program", "name": "x"}]})


def test_every_module_of_every_go_family_is_there_with_its_sum() -> None:
    found = components("build")
    assert {"kubernetes", "istio"} < set(BUILT)
    for family in (RECIPES.go[name] for name in BUILT):
        sums = (family.folder / "go.sum").read_text() if (family.folder / "go.sum").exists() else ""
        rows = [row.split() for row in sums.splitlines()]
        both = {(module, version) for module, version, _ in rows if not version.endswith("/go.mod")}
        for line in (family.folder / "go.mod").read_text().splitlines():
            words = line.removeprefix("require ").split()
            if len(words) > 1 and words[1].startswith("v") and (words[0], words[1]) in both:
                one = found[f"pkg:golang/{words[0]}@{words[1]}"]
                assert [p for p in one["properties"] if p["name"] == "go:h1:sha256" and len(p["value"]) == 64]
                assert {"name": "raymesh:part", "value": f"go {family.name}"} in one["properties"]


def test_every_wheel_is_there_with_all_its_hashes() -> None:
    found = components("build")
    for recipe in RECIPES.images.values():
        if recipe.wheels:
            text = (ROOT / fill(recipe.wheels, LANE.as_built())).read_text()
            pins = [line.split("==") for line in text.splitlines() if "==" in line and line[0].isalnum()]
            assert pins
            for name, rest in pins:
                version = rest.split()[0].split(";")[0]
                assert found[f"pkg:pypi/{name.partition('[')[0].lower()}@{version}"]["hashes"]
            assert text.count("--hash=sha256:") == sum(
                len(one.get("hashes", ()))
                for one in found.values()
                if {"name": "raymesh:part", "value": recipe.name} in one["properties"]
            )


def test_pulled_images_are_there_and_their_digest_where_the_lane_pins_it() -> None:
    found = {one["name"]: one for one in components("pull").values() if one["type"] == "container"}
    for role, image in registry.published(LANE).items():
        one = found[image.partition("@")[0].rpartition(":")[0]]
        assert [h["content"] for h in one.get("hashes", ())] == [
            digest.removeprefix("sha256:") for digest in [LANE.digests.get(role)] if digest
        ]


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sbom", "--image-source", "pull"]) == 0
    assert json.loads(capsys.readouterr().out) == bill(LANE, "pull")
