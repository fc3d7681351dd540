"""A baseline knows findings by rule, path and object: lines may move, a new finding is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raymesh.errors import UsageError
from raymesh.lint.baseline import as_baseline, load_baseline
from raymesh.lint.policy import Policy
from raymesh.lint.run import Report, lint_texts
from tests.unit.lint.examples import CLEAN, NODE_MANAGER, OLD_CLEAN, RED

WRONG = CLEAN.replace(NODE_MANAGER, NODE_MANAGER.replace("grpc", "http"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def known(texts: dict[str, str]) -> None:
    Path("base.json").write_text(as_baseline("base.json", lint_texts(texts).findings))


def lint(texts: dict[str, str]) -> Report:
    return lint_texts(texts, policy=Policy(baseline=load_baseline("base.json")))


@pytest.mark.usefixtures("folder")
def test_known_findings_are_put_aside_though_their_lines_move() -> None:
    known({"a/mine.yaml": WRONG})
    report = lint({"a/mine.yaml": f"# one more line\n\n{WRONG}"})
    assert report.findings == []
    assert [(one.finding.rule, one.by) for one in report.suppressed] == [("RM008", "baseline")]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "texts",
    [
        {"b/mine.yaml": WRONG},  # another file
        {"a/mine.yaml": WRONG.replace("mine", "other")},  # another object
        {"a/mine.yaml": WRONG.replace("  clusterIP: None\n", "")},  # another rule
        {"a/mine.yaml": WRONG.replace("appProtocol: grpc\n", "appProtocol: http\n", 1)},  # once more
    ],
)
def test_a_new_finding_is_told(texts: dict[str, str]) -> None:
    known({"a/mine.yaml": WRONG})
    assert lint(texts).findings != []


@pytest.mark.usefixtures("folder")
def test_known_findings_that_are_gone_are_counted() -> None:
    known({"mine.yaml": WRONG})
    assert (lint({"mine.yaml": CLEAN}).gone, lint({"mine.yaml": WRONG}).gone) == (1, 0)


@pytest.mark.usefixtures("folder")
def test_what_can_not_be_read_is_never_known() -> None:
    known({"mine.yaml": RED["RM000"].text})
    assert [f.rule for f in lint({"mine.yaml": RED["RM000"].text}).findings] == ["RM000"]


@pytest.mark.usefixtures("folder")
def test_it_has_no_lines_and_is_sorted() -> None:
    known({"b.yaml": WRONG, "a.yaml": OLD_CLEAN})
    data = json.loads(Path("base.json").read_text())
    assert data["findings"] == sorted(data["findings"], key=lambda e: (e["rule"], e["path"]))
    assert {key for entry in data["findings"] for key in entry} == {"rule", "path", "object", "count"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}'])
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "base.json").write_text(text)
    with pytest.raises(UsageError, match=r"baseline .*base\.json"):
        load_baseline(str(tmp_path / "base.json"))
