"""What Istio refuses of its own objects: against answers of `istioctl validate`, and what it passes over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raymesh.lint.run import lint_texts
from tests.unit.lint.examples import CLEAN
from tests.unit.lint.mesh_examples import HEAD, MINE, found, messages, thing

# Answers of `istioctl validate` 1.31.0 to random objects that bear on the right cluster: whether it refuses, the kind,
# the spec. Of 12,000 the shortest two for each of its messages, and twelve of each kind that it takes.
RECORDED = json.loads(Path(__file__).with_name("istio_answers.json").read_text())
RULES = {"AuthorizationPolicy": "RM053", "PeerAuthentication": "RM063"}


def refused(kind: str, spec: Any) -> bool:
    rule = RULES.get(kind, "RM097")
    told = lint_texts({"mine.yaml": CLEAN, "it.yaml": thing(kind, spec)}).findings
    return any(f.rule == rule and f.message.endswith("refuses it") for f in told)


def test_every_recorded_answer_of_istio_is_foreseen() -> None:
    assert [told for answer, *told in RECORDED if refused(*told) != answer] == []


def test_the_recording_has_both_answers_of_every_kind() -> None:
    kinds = {kind for _, kind, _ in RECORDED}
    assert len(kinds) == 7
    assert {(kind, answer) for answer, kind, _ in RECORDED} == {(k, a) for k in kinds for a in (True, False)}


OF_OTHERS = {
    "pods that are not Ray's": thing("AuthorizationPolicy", {"selector": {"matchLabels": {"app": "x"}}, "rule": []}),
    "another namespace": thing("AuthorizationPolicy", {"rule": []}, space="other"),
    "a gateway's": thing(
        "AuthorizationPolicy",
        {"targetRefs": [{"kind": "Gateway", "name": "x"}], "rules": [{"to": [{"operation": {"port": ["1"]}}]}]},
    ),
    "another host": thing("VirtualService", {"hosts": ["web"], "https": []}),
    "another host of the outside": thing("ServiceEntry", {"hosts": ["example.test"], "port": []}),
    "another Service": thing("DestinationRule", {"host": "web", "trafficPolicy": {}}),
    "another workload": thing("Sidecar", {"workloadSelector": {"labels": {"app": "x"}}, "egresses": []}),
}


@pytest.mark.parametrize("text", OF_OTHERS.values(), ids=OF_OTHERS)
def test_objects_that_do_not_bear_on_ray_are_left_alone(text: str) -> None:
    assert found(CLEAN, text) == []


def test_one_object_is_told_once_for_all_clusters() -> None:
    text = thing("AuthorizationPolicy", {"rules": [{"from": [{"source": {"principal": ["x"]}}]}]})
    told = messages(CLEAN, CLEAN.replace("mine", "other"), text)
    assert [m for m in told if "no field principal" in m] == [
        "RM053 AuthorizationPolicy it: source has no field principal: Istio refuses it"
    ]


def peers(one: Any, other: Any) -> list[str]:
    texts = (thing("PeerAuthentication", one, name="one"), thing("PeerAuthentication", other, name="other"))
    return [m for m in messages(CLEAN, *texts) if m.startswith("RM063")]


STRICT, OPEN = {"mtls": {"mode": "STRICT"}}, {"mtls": {"mode": "PERMISSIVE"}}


@pytest.mark.parametrize(
    ("one", "other", "second"),
    [
        (STRICT, OPEN, True),
        ({"selector": MINE, **STRICT}, {"selector": HEAD, **OPEN}, True),
        (STRICT, STRICT, False),
        (STRICT, {"selector": MINE, **OPEN}, False),
        (STRICT, {"selector": {"matchLabels": {"app": "x"}}, **OPEN}, False),
        ({"selector": HEAD, **STRICT}, {"selector": {"matchLabels": {"ray.io/node-type": "worker"}}, **OPEN}, False),
    ],
)
def test_of_two_for_the_same_pods_one_is_passed_over(one: Any, other: Any, second: bool) -> None:
    told = peers(one, other)
    assert len(told) == second
    assert all("Istio takes the older" in message for message in told)


def test_a_file_does_not_say_which_is_the_older() -> None:
    [told] = peers(OPEN, STRICT)
    assert "A file does not say which that is; applied together it is one" in told


@pytest.mark.parametrize("older", ["one", "other"])
def test_where_a_cluster_says_the_age_the_older_is_in_force(older: str) -> None:
    """Exports of a cluster have it: the younger one is passed over, whatever its name."""
    ages = {"one": "2026-01-01T00:00:00Z", "other": "2026-01-02T00:00:00Z"}
    if older == "other":
        ages = dict(zip(ages, reversed(ages.values()), strict=True))
    younger = next(name for name in ages if name != older)
    texts = [
        thing("PeerAuthentication", OPEN if name == older else STRICT, name=name, creationTimestamp=age)
        for name, age in ages.items()
    ]
    mesh = thing("PeerAuthentication", STRICT, name="all", space="istio-system")
    told = messages(CLEAN, *texts, mesh)
    assert any(m.startswith("RM063") and f"Istio passes over {younger}" in m for m in told)
    assert any(m.startswith("RM033") and "overrules a wider STRICT" in m for m in told)


def test_an_older_one_that_says_nothing_hides_a_younger_one() -> None:
    """UNSET asks the wider one, not the next of its own level."""
    unset = thing("PeerAuthentication", {"mtls": {"mode": "UNSET"}}, name="a")
    younger = thing("PeerAuthentication", OPEN, name="b")
    mesh = thing("PeerAuthentication", STRICT, name="all", space="istio-system")
    assert not any(m.startswith("RM033") for m in messages(CLEAN, unset, younger, mesh))
