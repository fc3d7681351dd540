"""The report says what was proven, by whom, with which figures, and how long it took."""

from __future__ import annotations

import json
from pathlib import Path

from raymesh.evidence import Judged, report, write_timings
from raymesh.evidence.report import CONTROLLED, NOT_CONTROLLED, phase_table, verdict_table
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


def test_verdicts_stand_under_their_test_and_explain_a_failure() -> None:
    judged = [Judged("test_kiali", GREEN), Judged("test_sidecars", GREEN), Judged("test_sidecars", RED)]
    assert verdict_table(judged).splitlines() == [
        "        verdict            witness        figures",
        "test_kiali",
        "ok      self-edge is mTLS  Kiali          mTLS % 100.0, rate/s 12.3",
        "test_sidecars",
        "ok      self-edge is mTLS  Kiali          mTLS % 100.0, rate/s 12.3",
        "FAILED  TLS 1.3 only       Envoy of head",
        "        expected: TLSv1.3",
        "        seen: TLSv1.2: 3",
        "",
        NOT_CONTROLLED,
    ]


def test_what_a_control_turned_red_is_no_failure_and_says_what_was_seen() -> None:
    judged = [Judged("test_kiali", GREEN), Judged("test_control", RED, control=True)]
    assert verdict_table(judged).splitlines()[3:] == [
        "test_control",
        "red  TLS 1.3 only       Envoy of head  TLSv1.2: 3",
        "",
        CONTROLLED,
    ]


def test_nothing_proven_is_said() -> None:
    assert verdict_table([]) == "no verdicts: nothing was proven"
    assert phase_table([]) == "no phases"


def test_the_report_ends_with_the_place_of_the_rest() -> None:
    text = report(TIMINGS, [Judged("test_kiali", GREEN)], Path("artifacts"))
    assert text.endswith("\n\nartifacts: artifacts\n")
    assert "self-edge is mTLS" in text


def test_timings_are_json(tmp_path: Path) -> None:
    write_timings(TIMINGS, tmp_path / "timings.json")
    written = json.loads((tmp_path / "timings.json").read_text())
    assert written[0] == {"phase": "mesh", "start": 30.0, "seconds": 12.25, "ok": True}
    assert len(written) == 3
