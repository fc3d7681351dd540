"""The ready subjects: each is read, linted, and says itself what is red if it is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import all_rules
from raymesh.paths import ROOT
from raymesh.ports import parse_version
from raymesh.subject.expected import BECAUSE, TURNS_RED, expected_red
from raymesh.subject.wanted import Around, Wanted, read, wanted_of
from raymesh.verdicts.catalog import VERDICTS
from raymesh.verdicts.foretold import FORETOLD

FILES = sorted((ROOT / "manifests" / "subjects").glob("*.yaml"))
KUBERAY = {"rayjob-sidecar": "1.5.0", "rayjob-interactive": "1.3.0"}  # that knows how the job is submitted
BROKEN = [path for path in FILES if path.name.startswith("broken-")]


def wanted(path: Path) -> Wanted:
    kuberay = parse_version(KUBERAY.get(path.stem, "1.1.0"))
    return wanted_of(read([str(path)]), Around(kuberay=kuberay, istio=(1, 21)))


def test_there_are_whole_ones_and_broken_ones() -> None:
    assert len(BROKEN) == 3
    assert len(FILES) >= 8


@pytest.mark.parametrize("path", [path for path in FILES if path not in BROKEN], ids=lambda path: path.stem)
def test_a_whole_subject_has_no_error_and_expects_no_red(path: Path) -> None:
    found = wanted(path)
    assert [one for one in found.said if one.severity is Severity.ERROR] == []
    assert not expected_red(found)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_one_names_its_verdicts_and_the_linter_foretells_them(path: Path) -> None:
    found = wanted(path)
    red = expected_red(found)
    assert red
    assert red <= set(VERDICTS)
    foretold = {verdict.id for one in found.said for verdict in FORETOLD.get(one.rule, ())}
    assert red & foretold
    cluster = next(doc for doc in found.docs if doc["kind"].startswith("Ray"))
    assert cluster["metadata"]["annotations"].keys() == {TURNS_RED, BECAUSE}


def test_the_linter_has_each_rule_that_foretells() -> None:
    assert set(FORETOLD) <= set(all_rules())
    assert all(FORETOLD.values())
