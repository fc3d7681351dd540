"""`raymesh faults`: prints the matrix page of a record, and makes none where no fault ran."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.commands.main import main
from raymesh.evidence.matrix import page
from raymesh.evidence.record import to_json
from tests.unit.evidence.records import GREEN


def test_the_page_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.json"
    path.write_text(to_json(GREEN))
    assert main(["faults", str(path)]) == 0
    assert capsys.readouterr().out == page([GREEN])


def test_no_faults_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.json"
    path.write_text(to_json(replace(GREEN, faults=())))
    assert main(["faults", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "this record has no fault" in printed.err
