"""`raymesh compare`: what it prints in each form, and an exit code that tells whether a verdict got worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raymesh.commands.main import main
from raymesh.evidence.record import SCHEMA, Record, to_json
from tests.unit.evidence.records import EDGES, GREEN, RED


def written(folder: Path, name: str, record: Record) -> str:
    path = folder / name
    path.write_text(to_json(record))
    return str(path)


@pytest.mark.parametrize(("before", "after", "code"), [(GREEN, GREEN, 0), (GREEN, RED, 1), (RED, GREEN, 0)])
def test_the_exit_code_says_whether_a_verdict_got_worse(
    before: Record, after: Record, code: int, tmp_path: Path
) -> None:
    assert main(["compare", written(tmp_path, "a.json", before), written(tmp_path, "b.json", after)]) == code


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_every_form_names_the_verdict_and_both_runs(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [written(tmp_path, "a.json", GREEN), written(tmp_path, "b.json", RED)]
    assert main(["compare", "--format", form, *files]) == 1
    told = capsys.readouterr().out
    assert EDGES.id in told
    assert told.count(f"seed {GREEN.started}") == 2
    if form == "json":
        assert json.loads(told)["changes"][0]["worse"] is True


def test_a_record_of_another_schema_version_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    other.write_text(to_json(GREEN).replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}', 1))
    assert main(["compare", written(tmp_path, "a.json", GREEN), str(other)]) == 3
    assert f"{other} has schema version {SCHEMA + 1}" in capsys.readouterr().err
