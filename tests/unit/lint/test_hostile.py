"""Inputs that are meant to fool the linter: each has exactly the findings that its source says, or none."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from raymesh.lint.run import lint_texts
from raymesh.manifests.patching import parse
from tests.unit.lint import (
    hostile_membership,
    hostile_meshes,
    hostile_objects,
    hostile_pods,
    hostile_policies,
    hostile_selectors,
    hostile_serving,
    hostile_traffic,
)
from tests.unit.lint.hostile import Case

TABLES = {
    "policies": hostile_policies.CASES,
    "membership": hostile_membership.CASES,
    "objects": hostile_objects.CASES,
    "selectors": hostile_selectors.CASES,
    "meshes": hostile_meshes.CASES,
    "serving": hostile_serving.CASES,
    "pods": hostile_pods.CASES,
    "traffic": hostile_traffic.CASES,
}
EVERY = {f"{table}: {name}": one for table, cases in TABLES.items() for name, one in cases.items()}


def told(case: Case, texts: dict[str, str]) -> frozenset[str]:
    return frozenset(f.rule for f in lint_texts(texts, case.options).findings)


@pytest.mark.parametrize("case", EVERY.values(), ids=EVERY)
def test_just_what_is_wrong_is_found(case: Case) -> None:
    assert told(case, case.texts) == case.rules


def documents(case: Case) -> list[Any]:
    return [doc for text in case.texts.values() for doc in parse(text)]


def movable(case: Case) -> bool:
    """Whether neither folders nor the order of documents bear on it: of what stands there twice the last one counts."""
    docs = documents(case)
    names = {(d.get("kind"), (d.get("metadata") or {}).get("name")) for d in docs if isinstance(d, dict)}
    return not any("/" in path for path in case.texts) and len(names) == len(docs)


MOVABLE = {name: one for name, one in EVERY.items() if movable(one)}


@pytest.mark.parametrize("case", MOVABLE.values(), ids=MOVABLE)
def test_another_layout_and_order_say_the_same(case: Case) -> None:
    """The same objects in one file, in flow style, the later documents first."""
    docs = documents(case)
    if sum(d["kind"] == "PeerAuthentication" for d in docs) < 2:
        docs.reverse()
    assert (
        told(case, {"all.yaml": yaml.dump_all(docs, Dumper=yaml.CSafeDumper, default_flow_style=True, width=10**6)})
        == case.rules
    )
