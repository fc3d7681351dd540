"""What a session leaves: a record that says how far it came, and no earlier session's that looks like it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from fixtures.run import PAGE, RECORD, REPORT, STEP_SUMMARY, Run
from raymesh.errors import InUse
from raymesh.evidence.artifacts import Artifacts
from raymesh.evidence.html import page
from raymesh.evidence.record import read
from raymesh.evidence.redact import Form
from raymesh.evidence.text import report
from raymesh.machine import locks
from raymesh.settings import load_settings
from raymesh.verdicts.catalog import PLAINTEXT_REFUSED
from raymesh.verdicts.finding import Finding

OK = Finding(PLAINTEXT_REFUSED, ok=True, expected="a reset", seen="a reset", witness="probe")


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    locked = tmp_path_factory.mktemp("locks")
    monkeypatch.setattr(locks, "_folder", lambda: locked)
    run = Run(load_settings({"artifacts": str(tmp_path), "timeout-factor": "2"}.get, environ={}))
    yield run
    if run.opened:
        run.progress.stream.close()
    run.close()


def test_a_session_that_dies_leaves_its_own_record_and_no_earlier_report(run: Run, tmp_path: Path) -> None:
    yesterday = Artifacts(tmp_path)
    yesterday.open()
    yesterday.write(REPORT, "all green, yesterday", Form.TEXT)
    yesterday.close()
    run.open()
    record = read(tmp_path / RECORD)
    assert record.status == "incomplete"
    assert record.options["timeout-factor"] == "2"
    assert record.options["lane"] == "seed"
    assert not (tmp_path / REPORT).exists()


def test_an_artifacts_folder_has_one_run_at_a_time(run: Run, tmp_path: Path) -> None:
    run.open()
    with pytest.raises(InUse, match="the artifacts folder is in use by process"), taken(tmp_path):
        pass
    run.progress.stream.close()
    run.close()
    with taken(tmp_path):
        pass


def taken(folder: Path) -> AbstractContextManager[locks.Held]:
    return locks.exclusive(locks.of_folder(folder), what="the artifacts folder", within=0)


def test_what_was_judged_so_far_is_kept(run: Run, tmp_path: Path) -> None:
    run.open()
    run.builder.judged("test_refusal", [OK])
    run.keep()
    assert read(tmp_path / RECORD).judged == {PLAINTEXT_REFUSED.id}


@pytest.mark.parametrize(
    ("exitstatus", "stopped_itself", "status"),
    [
        (pytest.ExitCode.OK, False, "passed"),
        (pytest.ExitCode.TESTS_FAILED, False, "failed"),
        (pytest.ExitCode.INTERRUPTED, False, "interrupted"),
        (pytest.ExitCode.INTERRUPTED, True, "failed"),
        (pytest.ExitCode.INTERNAL_ERROR, False, "failed"),
        (pytest.ExitCode.NO_TESTS_COLLECTED, False, "failed"),
    ],
)
def test_the_record_ends_as_the_session_did(
    run: Run, tmp_path: Path, exitstatus: int, stopped_itself: bool, status: str
) -> None:
    run.open()
    with run.progress.phase("mesh"):
        run.builder.judged("test_refusal", [OK])
    run.finish(exitstatus, stopped_itself=stopped_itself)
    assert read(tmp_path / RECORD).status == status
    written = read(tmp_path / RECORD)
    assert (tmp_path / REPORT).read_text() == report(written, str(tmp_path))
    assert (tmp_path / PAGE).read_text() == page(written, files=(RECORD, REPORT))
    assert run.summary.startswith(f"{status}: ")


def test_a_session_without_a_cluster_leaves_nothing(run: Run, tmp_path: Path) -> None:
    run.finish(pytest.ExitCode.OK, stopped_itself=False)
    run.keep()
    assert list(tmp_path.iterdir()) == []
    assert run.summary == ""


def test_a_workflow_gets_its_page(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = tmp_path.parent / "step.md"
    step.write_text("before\n")
    monkeypatch.setenv(STEP_SUMMARY, str(step))
    run.open()
    with run.progress.phase("mesh"):
        run.builder.judged("test_refusal", [OK])
    run.finish(pytest.ExitCode.OK, stopped_itself=False)
    assert step.read_text().startswith("before\n## raymesh: passed: 1 finding of 1 verdict")
