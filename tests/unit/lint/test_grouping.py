"""Which files are judged together: environments apart, what belongs together whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from raymesh.lint.policy import GroupBy, Policy
from raymesh.lint.run import Report, lint_paths, lint_texts
from tests.unit.lint.examples import CLEAN, NODE_MANAGER

SERVICE, CLUSTER = CLEAN.split("---\n")
OVERLAY = "resources: [../../base]\n"


def lint(texts: dict[str, str], how: GroupBy = "auto") -> Report:
    return lint_texts(texts, policy=Policy(group_by=how))


def told(report: Report) -> list[tuple[str, str]]:
    return [(f.rule, f.place.path) for f in report.findings]


def test_environments_with_the_same_names_do_not_bleed_into_each_other() -> None:
    texts = {
        "env/dev/ray.yaml": CLUSTER,
        "env/dev/service.yaml": SERVICE,
        "env/prod/ray.yaml": CLUSTER,  # whose Service was forgotten
    }
    assert told(lint(texts)) == [("RM013", "env/prod/ray.yaml")]
    texts["env/prod/service.yaml"] = SERVICE.replace(NODE_MANAGER, "")
    assert told(lint(texts)) == [("RM001", "env/prod/ray.yaml")]


def test_folders_by_kind_belong_together_where_no_name_stands_twice() -> None:
    assert told(lint({"clusters/ray.yaml": CLUSTER, "services/ray.yaml": SERVICE})) == []


def test_environments_are_split_by_kind_inside_and_share_what_lies_above() -> None:
    texts = {
        "env/service.yaml": SERVICE,
        "env/dev/clusters/ray.yaml": CLUSTER,
        "env/prod/clusters/ray.yaml": CLUSTER,
        "env/prod/other/x.yaml": "kind: ConfigMap\nmetadata: {name: x}\n",
    }
    assert told(lint(texts)) == []


def test_an_object_that_an_environment_has_itself_is_not_taken_from_above() -> None:
    texts = {"ray.yaml": CLEAN, "dev/ray.yaml": CLEAN, "prod/ray.yaml": CLUSTER}
    assert told(lint(texts)) == [("RM013", "prod/ray.yaml")]


def test_every_file_is_judged_however_the_folders_lie() -> None:
    broken = CLEAN.replace(NODE_MANAGER, "")
    texts = {"ray.yaml": broken, "a/ray.yaml": broken, "a/b/ray.yaml": broken, "c/other.yaml": broken}
    assert [path for _, path in told(lint(texts))] == ["a/b/ray.yaml", "a/ray.yaml", "c/other.yaml", "ray.yaml"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("auto", []),
        ("all", []),
        ("directory", [("RM013", "clusters/ray.yaml")]),
        ("kustomization", [("RM013", "clusters/ray.yaml")]),
    ],
)
def test_the_grouping_can_be_said(how: GroupBy, expected: list[tuple[str, str]]) -> None:
    assert told(lint({"clusters/ray.yaml": CLUSTER, "services/ray.yaml": SERVICE}, how)) == expected


@pytest.mark.parametrize("how", ["auto", "kustomization"])
def test_a_kustomization_brings_together_what_it_lists(how: GroupBy) -> None:
    texts = {
        "base/kustomization.yaml": "resources: [ray.yaml]\n",
        "base/ray.yaml": CLUSTER,
        "overlays/dev/kustomization.yaml": f"{OVERLAY}configMapGenerator: []\n",
        "overlays/prod/kustomization.yaml": OVERLAY.replace("base]", "base, service.yaml]"),
        "overlays/prod/service.yaml": SERVICE,
    }
    assert told(lint(texts, how)) == [("RM013", "base/ray.yaml")], "dev has no Service, prod has"


def test_a_patch_is_judged_with_the_kustomization_that_lists_it() -> None:
    patch = CLUSTER.replace("6380", "6390")
    texts = {"k/kustomization.yaml": "patches: [{path: p/ray.yaml}]\nresources: [ray.yaml]\n", "k/ray.yaml": CLEAN}
    assert told(lint(texts | {"k/p/ray.yaml": patch})) == [("RM072", "k/kustomization.yaml")]
    assert told(lint({"k/ray.yaml": f"{patch}---\n{SERVICE}"})) != []


@pytest.mark.parametrize("text", ["resources: 3\n", "resources: {a: b}\n", "patches: [[x]]\n", "resources: [..]\n"])
def test_a_kustomization_of_another_shape_leaves_the_rest_alone(text: str) -> None:
    found = told(lint({"k/kustomization.yaml": text, "k/ray.yaml": CLEAN}))
    assert set(found) <= {("RM000", "k/kustomization.yaml")}


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "ray.yaml").write_text(CLEAN)
    (tmp_path / "link.yaml").symlink_to("ray.yaml")
    report = lint_paths([str(tmp_path), f"{tmp_path}/./ray.yaml", str(tmp_path / "ray.yaml")])
    assert (report.documents, told(report)) == (2, [])


def test_the_same_object_twice_is_named_with_both_places() -> None:
    report = lint({"a.yaml": CLEAN, "b.yaml": CLEAN})
    twice = [f for f in report.findings if f.rule == "RM041"]
    assert [f.place.path for f in twice] == ["b.yaml", "b.yaml"]
    assert "is also at a.yaml:1:1" in twice[0].message
