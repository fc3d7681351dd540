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
    assert main(["report", str(path)]) == 3
    assert capsys.readouterr().err.startswith(f"raymesh: {path} is not a record of a run")


def test_a_page_is_written_beside_the_record_and_links_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(to_json(RED))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "kiali-graph.json").write_text("{}")
    (tmp_path / "away").mkdir()
    here, away = tmp_path / "report.html", tmp_path / "away" / "report.html"
    for output in (here, away):
        assert main(["report", str(path), "--format", "html", "--output", str(output)]) == 1
    assert 'href="raw/kiali-graph.json"' in here.read_text()
    assert "raw/kiali-graph.json" not in away.read_text()


def test_a_page_may_say_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, now = tmp_path / "before.json", tmp_path / "record.json"
    before.write_text(to_json(GREEN))
    now.write_text(to_json(RED))
    assert main(["report", str(now), "--format", "html", "--against", str(before)]) == 1
    assert 'id="changes"' in capsys.readouterr().out


def test_an_output_that_can_not_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.json"
    path.write_text(to_json(GREEN))
    assert main(["report", str(path), "--output", str(tmp_path)]) == 4
    assert f"{tmp_path} can't be written" in capsys.readouterr().err
