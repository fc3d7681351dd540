"""The report says what was proven, by whom, with which figures, and how long it took."""

from __future__ import annotations

import json
from pathlib import Path

from raymesh.evidence import report, write_timings
from raymesh.evidence.report import phase_table, verdict_table
from raymesh.progress import Timing
from raymesh.verdicts import Finding

TIMINGS = [Timing("mesh", 30.0, 12.25, True), Timing("cluster", 0.0, 30.0, True), Timing("kuberay", 31.0, 9.0, False)]
GREEN = Finding("self-edge is mTLS", True, "100 %", "100 %", "Kiali", {"mTLS %": 100.0, "rate/s": 12.3})
RED = Finding("TLS 1.3 only", False, "TLSv1.3", "TLSv1.2: 3", "Envoy of head")


def test_phases_come_in_order_with_the_wall_time() -> None:
    assert phase_table(TIMINGS).splitlines() == [
        "phase    began s  took s",
        "cluster      0.0    30.0  ok",
        "mesh        30.0    12.2  ok",
        "kuberay     31.0     9.0  FAILED",
        "total               42.2",
    ]


def test_verdicts_name_witness_and_figures_and_explain_a_failure() -> None:
    assert verdict_table([GREEN, RED]).splitlines() == [
        "        verdict            witness        figures",
        "ok      self-edge is mTLS  Kiali          mTLS % 100.0, rate/s 12.3",
        "FAILED  TLS 1.3 only       Envoy of head",
        "        expected: TLSv1.3",
        "        seen: TLSv1.2: 3",
    ]


def test_nothing_proven_is_said() -> None:
    assert verdict_table([]) == "no verdicts: nothing was proven"
    assert phase_table([]) == "no phases"


def test_the_report_ends_with_the_place_of_the_rest() -> None:
    text = report(TIMINGS, [GREEN], Path("artifacts"))
    assert text.endswith("\n\nartifacts: artifacts\n")
    assert "self-edge is mTLS" in text


def test_timings_are_json(tmp_path: Path) -> None:
    write_timings(TIMINGS, tmp_path / "timings.json")
    written = json.loads((tmp_path / "timings.json").read_text())
    assert written[0] == {"phase": "mesh", "start": 30.0, "seconds": 12.25, "ok": True}
    assert len(written) == 3
