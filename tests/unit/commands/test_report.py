"""`raymesh report`: prints a record's report, and its exit code tells whether the run is a proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.commands.main import main
from raymesh.evidence.record import Record, to_json
from raymesh.evidence.text import report
from tests.unit.evidence.records import EMPTY, GREEN, RED


@pytest.mark.parametrize(
    ("record", "code"),
    [(GREEN, 0), (RED, 1), (EMPTY, 1), (replace(RED, status="passed"), 1)],
    ids=["green", "red", "empty", "red that claims to have passed"],
)
def test_the_report_is_printed(record: Record, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.json"
    path.write_text(to_json(record))
    assert main(["report", str(path)]) == code
    assert capsys.readouterr().out == report(record, str(tmp_path))


def test_what_is_no_record_is_an_error_with_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "package.json"
    path.write_text("{}")
    assert main(["report", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"raymesh: {path} is not a record of a run")
