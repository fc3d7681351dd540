"""What other tools made: findings lead to the files it was made of, and what is not made yet is not judged."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from raymesh.commands.main import main
from raymesh.lint.diagnostics import Severity
from raymesh.lint.run import lint_texts
from raymesh.manifests.origins import kustomize_origin
from tests.unit.lint.examples import CLEAN, NODE_MANAGER

BROKEN = CLEAN.replace(NODE_MANAGER, "")
SOURCE = "# Source: other/templates/ray.yaml\n"
CHART = "apiVersion: v2\nname: mine\nversion: 0.1.0\n"


def piped(text: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    return main(["lint", "-", *words])


def from_kustomize(origin: str) -> str:
    lines = "".join(f"      {line}\n" for line in origin.splitlines())
    return BROKEN.replace("metadata:\n", f"metadata:\n  annotations:\n    config.kubernetes.io/origin: |\n{lines}", 2)


@pytest.mark.parametrize(
    ("written", "below"),
    [
        ("path: ../../base/ray.yaml", "base/ray.yaml"),
        ("path: 'odd: name.yaml'", "overlays/dev/odd: name.yaml"),
        ("configuredIn: kustomization.yaml\nconfiguredBy: {kind: HelmChart}", "overlays/dev/kustomization.yaml"),
        ("path: a.yaml\nrepo: https://git.example/x\nref: v1", "https://git.example/x//a.yaml?ref=v1"),
    ],
)
def test_an_origin_of_kustomize_counts_from_what_was_built(written: str, below: str) -> None:
    origin = kustomize_origin(written)
    assert origin is not None
    assert origin.below("overlays/dev") == below


@pytest.mark.parametrize("written", ["", "- a", "path: [a]", "{", "repo: x"])
def test_an_annotation_that_says_no_file_is_none(written: str) -> None:
    assert kustomize_origin(written) is None


@pytest.mark.parametrize(
    ("text", "folder", "file"),
    [
        (from_kustomize("path: ../../base/ray.yaml"), "overlays/dev", "base/ray.yaml"),
        (SOURCE + BROKEN.replace("---\n", f"---\n{SOURCE}"), "charts/mine", "charts/mine/templates/ray.yaml"),
    ],
)
def test_a_folder_as_name_makes_paths_of_the_repository(
    text: str,
    folder: str,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(folder).mkdir(parents=True)
    words = ["--stdin-name", folder, "--format", "github", "--output", "sarif=s.sarif", "--output", "json=j.json"]
    assert piped(text, words, monkeypatch) == 1
    assert f"file={file},line=1,col=1,title=RM001" in capsys.readouterr().out
    (sarif,) = json.loads(Path("s.sarif").read_text())["runs"]
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in sarif["results"]}
    assert file in uris
    found = json.loads(Path("j.json").read_text())["findings"]
    assert [f["fixable"] for f in found] == [False] * len(found), "--fix can't change a pipe"


def test_a_file_of_another_repository_is_told_and_not_annotated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = from_kustomize("path: a.yaml\nrepo: https://git.example/x\nref: v1")
    assert piped(text, [], monkeypatch) == 1
    told = capsys.readouterr().out
    assert "(from https://git.example/x//a.yaml?ref=v1)" in told
    assert "--fix does it" not in told
    assert piped(text, ["--format", "github"], monkeypatch) == 1
    assert "file=-," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("was", "template"),
    [
        ("rayVersion: 2.", 'rayVersion: "{{ .Values.ray }}" # 2.'),
        ("port: 6380", "port: {{ .Values.port }}"),
        ("name: mine\n", 'name: {{ include "mine.name" . }}\n'),
    ],
)
def test_a_template_that_is_yaml_is_not_judged_as_rendered(was: str, template: str) -> None:
    assert was in CLEAN
    found = lint_texts({"a.yaml": CLEAN.replace(was, template, 1)}).findings
    assert ("RM000", Severity.ERROR) in {(f.rule, f.severity) for f in found}


@pytest.mark.parametrize(
    "key", ["  annotations: {note: 'see {{ .x }}'}\n", "  labels: {app: mine} # {{ .Values.x }}\n"]
)
def test_braces_that_are_nobodys_template_are_left_alone(key: str) -> None:
    assert "metadata:\n" in CLEAN
    text = "kind: Namespace\napiVersion: v1\nmetadata:\n  name: a\n" + key
    assert lint_texts({"a.yaml": CLEAN + "---\n" + text}).unreadable == []


@pytest.mark.parametrize(
    "head",
    ["apiVersion: apps/v1\nkind: Deployment", "apiVersion: other.io/v1\nkind: RayCluster", "kind: [a]", "kind: {a: b}"],
)
def test_templates_of_what_is_not_read_are_left_alone(head: str) -> None:
    assert lint_texts({"a.yaml": f'{head}\nmetadata: {{name: "{{{{ .Values.x }}}}"}}\n'}).unreadable == []


def test_a_chart_is_one_finding_and_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("charts/mine", "charts/mine/charts/sub"):
        templates = Path(folder) / "templates"
        templates.mkdir(parents=True)
        (templates.parent / "Chart.yaml").write_text(CHART)
        for name in ("a.yaml", "b.yaml"):
            (templates / name).write_text(BROKEN.replace("name: mine\n", "name: {{ .Values.name }}\n"))
    assert main(["lint"]) == 3
    told = capsys.readouterr().out
    assert told.count("RM000:") == 1
    assert "nothing was judged in 4 templates that name Ray or a mesh" in told
    assert "helm template charts/mine | raymesh ports lint - --stdin-name charts/mine" in told
    assert main(["lint", "--exclude", "charts/mine/templates/**", "--exclude", "**/templates/**"]) == 0
