"""The guide's manifests: made by the one maker, kept as files, applied as they stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.generate import guide
from raymesh.generate.merging import Wishes, merge
from raymesh.lane import lane_names, load_lane
from raymesh.manifests.patching import Doc, dump, parse
from raymesh.mesh import guide as applied
from raymesh.paths import ROOT
from raymesh.ports import parse_version
from raymesh.subject import placing
from raymesh.subject.wanted import Around, Wanted, wanted_of

LANES = lane_names()
SUBJECTS = ROOT / "manifests" / "subjects"
# Broken on purpose, and one whose groups have numbers of their own, which the generator gives to none.
NOT_GENERATED = {"broken-missing-port", "broken-no-service", "broken-wrong-protocol", "three-groups"}
OURS = "localhost/raymesh/ray:k1"


def wanted(name: str) -> Wanted:
    lane = load_lane(name)
    texts, told = applied.texts(lane)
    assert told == ()
    return wanted_of(texts, Around(kuberay=parse_version(lane.kuberay), istio=lane.istio_minor))


def in_order(found: Wanted) -> list[Doc]:
    return placing.in_order(placing.bound_to(found.docs, found.subject.namespace))


def test_there_is_a_file_a_lane_and_no_other() -> None:
    assert {path.stem for path in guide.FOLDER.iterdir()} == set(LANES)


@pytest.mark.parametrize("name", LANES)
def test_a_file_is_what_the_generator_makes_for_its_lane(name: str) -> None:
    assert (guide.FOLDER / f"{name}.yaml").read_text() == guide.text(load_lane(name))


@pytest.mark.parametrize("name", LANES)
def test_what_is_applied_is_the_parsed_file_byte_for_byte(name: str) -> None:
    written = dump(parse((guide.FOLDER / f"{name}.yaml").read_text()))
    image = f"rayproject/ray:{load_lane(name).ray}"
    found, told = placing.as_applied(
        wanted(name), {image: image}, OURS, load_lane(name).ray, images_of_ours=True, stock_proxy=False
    )
    assert (dump(in_order(found)), told) == (written, [])


@pytest.mark.parametrize("name", LANES)
def test_with_images_of_ours_just_images_and_account_differ_and_each_is_told(name: str) -> None:
    written = dump(parse((guide.FOLDER / f"{name}.yaml").read_text()))
    ray = load_lane(name).ray
    found, told = placing.as_applied(wanted(name), {}, OURS, ray, images_of_ours=True, stock_proxy=True)
    account, *docs = in_order(found)
    assert (account["kind"], account["metadata"]["name"]) == ("ServiceAccount", "raycluster-istio")
    put_back = dump(docs).replace(OURS, f"rayproject/ray:{ray}")
    lines = [line for line in put_back.splitlines() if "serviceAccountName: raycluster-istio" not in line]
    assert lines == written.splitlines()
    assert found.subject.service_accounts == {"raycluster-istio"}
    assert [line.partition(" ")[0] for line in told] == [f"rayproject/ray:{ray}", "Ray"]


def test_a_changed_file_is_applied_as_it_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = guide.text(load_lane("seed")).replace("6381", "7381")
    (tmp_path / "seed.yaml").write_text(text)
    monkeypatch.setattr(guide, "FOLDER", tmp_path)
    found = wanted("seed")
    assert found.subject.contract.numbers_of("object-manager-port", "head") == (7381,)
    assert dump(in_order(found)) == dump(parse(text))


def test_for_other_versions_than_the_lanes_it_is_made_and_told() -> None:
    lane = replace(load_lane("seed"), ray="2.54.0")
    texts, [told] = applied.texts(lane)
    assert "2.54.0" in told
    assert "manifests/ray/seed.yaml is for Ray 2.10.0" in told
    [text] = texts.values()
    found = wanted_of(texts, Around(kuberay=parse_version(lane.kuberay), istio=lane.istio_minor))
    assert found.subject.contract == guide.contract_for("2.54.0", lane.kuberay)
    assert "dashboard-grpc-port" not in text
    assert applied.texts(load_lane("seed").as_built()) == applied.texts(load_lane("seed"))


@pytest.mark.parametrize(
    "path", [one for one in sorted(SUBJECTS.glob("*.yaml")) if one.stem not in NOT_GENERATED], ids=lambda one: one.stem
)
def test_the_generator_would_write_nothing_else_into_a_ready_subject(path: Path) -> None:
    text = path.read_text()
    assert merge(text, Wishes(kuberay=parse_version("1.1.0"))).text == text
