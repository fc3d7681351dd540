"""The report says what was proven, by whom, with which figures, how long it took, and what can fail at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from raymesh.evidence.record import Failure, Images, LintSaid, Record, TakenOut
from raymesh.evidence.text import (
    NO_FAULT,
    fault_table,
    headline,
    not_asked,
    phase_table,
    report,
    summary,
    verdict_table,
)
from raymesh.verdicts import catalog
from tests.unit.evidence.records import CHAINS, EDGES, EMPTY, GREEN, PLAINTEXT, RECORDS, RED, fault, judgement


def test_the_headline_says_how_it_ended_of_what_and_by_which_proxy() -> None:
    assert headline(GREEN).splitlines() == [
        "passed: 2 findings of 2 verdicts; 2 verdicts not asked; 1 of 1 faults turned red just what they name",
        "raymesh 0.1.0, 2026-01-02T03:04:05Z to 2026-01-02T03:09:05Z",
        "RayCluster team-a/ray, 1 Ray pod, ports of Ray 2.10.0",
        "on kind: Kubernetes 1.0, 1 node, private Docker engine",
        "lane seed: istio 1.2.4 (for 1.2.3), ray 2.10.0",
        "observed: istiod 1.2.4, kubelet 1.0",
        "images: build; proxy: stock Envoy 9.9 (2 pods)",
        "not independent: Kiali, Prometheus share Prometheus",
    ]


def test_phases_come_in_order_with_the_wall_time() -> None:
    assert phase_table(GREEN.phases).splitlines() == [
        "phase    began s  took s",
        "cluster      0.0    30.0  ok",
        "mesh        30.0    12.2  ok",
        "kuberay     31.0     9.0  FAILED",
        "total               42.2",
    ]


def test_verdicts_stand_under_their_test_and_explain_a_failure() -> None:
    assert verdict_table(RED).splitlines() == [
        "        verdict                             about       witness  figures",
        "test_refusal",
        "ok      V501 plaintext is refused                       probe    ports 12",
        "test_sidecars",
        "ok      V403 no inbound chain without mTLS  ray-head-x  Envoy    ports 12",
        "test_kiali",
        "FAILED  V205 no edge below 100 % mTLS                   Kiali    ports 12",
        "        expected: reset",
        "        seen: answered: 12",
    ]


def test_what_a_fault_turned_red_is_no_failure_and_says_what_was_seen() -> None:
    assert fault_table(GREEN).splitlines() == [
        "faults: 1 of 1 faults turned red just what they name",
        "ok      permissive: PERMISSIVE in the namespace (red after 12 s, green after 34 s)",
        "        expected to fail (permissive): V501 plaintext is refused (ray-head-x): probe: answered",
        "        expected to fail (permissive): V403 no inbound chain without mTLS (ray-head-x): Envoy: answered",
        "",
        "2 of 2 verdicts that were judged were also red under a fault",
    ]


def test_a_fault_that_failed_says_how() -> None:
    run = fault(PLAINTEXT, EDGES, mended=False, seconds_to_green=None, problem="the deadline passed")
    lines = fault_table(replace(RED, faults=(run,))).splitlines()
    assert lines[0] == "faults: 0 of 1 faults turned red just what they name"
    assert lines[1].startswith("FAILED  permissive: ")
    assert lines[1].endswith("(red after 12 s, green after never)")
    assert [line.strip().split(":")[0] for line in lines[2:7]] == [
        "expected to fail (permissive)",
        "FAILED, not named",
        "FAILED, stayed green",
        "FAILED, not mended",
        "FAILED",
    ]
    assert lines[-1].endswith("nothing in this run shows that the others can fail: V205 V403")


@pytest.mark.parametrize("record", [EMPTY, replace(GREEN, faults=()), replace(RED, faults=())])
def test_where_no_fault_ran_nothing_shows_that_a_verdict_can_fail(record: Record) -> None:
    assert fault_table(record) == NO_FAULT
    assert NO_FAULT in report(record)
    assert "no fault ran" in headline(record).splitlines()[0]


def test_what_was_not_asked_stands_under_its_reason() -> None:
    record = replace(GREEN, not_asked={**GREEN.not_asked, catalog.HELD.id: "no test of this run asks it"})
    assert not_asked(record).splitlines() == [
        "not asked:",
        "  no test of this run asks it:",
        f"        {catalog.HELD}",
        "  --without jaeger:",
        f"        {catalog.KNOWN}",
        f"        {catalog.PEERS}",
    ]
    assert not_asked(replace(GREEN, not_asked={})) == "not asked: nothing, every verdict was judged"


def test_nothing_proven_is_said() -> None:
    text = report(EMPTY)
    assert text.startswith("incomplete: 0 findings of 0 verdicts; no fault ran\n")
    assert "(not ended)" in text
    assert "no phases" in text
    assert "no verdicts: nothing was proven" in text
    assert "observed: no version of any program" in text
    assert "proxy: none observed" in text
    assert "every verdict was judged" not in text


def test_a_test_that_failed_otherwise_says_why_and_one_with_red_findings_does_not_say_it_twice() -> None:
    text = report(RED)
    assert "test_job failed (setup):\n| WaitTimeout: the job\n| last seen: PENDING" in text
    assert "test_kiali failed" not in text
    assert "test_kiali failed" in report(replace(RED, judgements=()))


def test_the_report_ends_with_notes_and_the_place_of_the_rest() -> None:
    assert report(GREEN, "artifacts").endswith(
        "\n\nnote: the cluster was kept\n\nredacted: env value 3\n\nartifacts: artifacts\n"
    )


@given(RECORDS)
def test_any_record_has_a_report_that_can_not_steer_a_terminal(record: Record) -> None:
    text = report(record, "artifacts")
    assert all(char.isprintable() or char == "\n" for char in text)
    assert text.startswith(f"{record.status}: ")


def test_no_line_of_a_report_is_a_command_to_a_ci() -> None:
    evil = "x\n::error file=a::b\r\n::add-mask::c\x1b[2J"
    record = replace(
        RED,
        judgements=(judgement(EDGES, ok=False, about=evil, test=evil),),
        faults=(fault(PLAINTEXT, problem=evil, title=evil),),
        failures=(Failure(evil, "setup", evil),),
        notes=(evil,),
        not_asked={catalog.KNOWN.id: evil},
        redacted=(TakenOut(evil, 1),),
    )
    lines = report(record, evil).splitlines()
    assert [line for line in lines if line.strip().startswith("::")] == []
    assert len([line for line in lines if "::add-mask::c" in line]) >= 6


def test_a_green_verdict_that_a_fault_did_not_turn_red_is_named() -> None:
    assert fault_table(replace(GREEN, faults=(fault(CHAINS, expected=(CHAINS,)),))).endswith(
        "1 of 2 verdicts that were judged were also red under a fault"
        "; nothing in this run shows that the others can fail: V501"
    )


def test_a_red_verdict_says_which_rule_foretold_it_and_a_green_one_does_not() -> None:
    said = LintSaid("RM001", "error", "mine.yaml:3:1", "6381 is not declared", "declare it", (PLAINTEXT.id,))
    other = replace(said, rule="RM027", foretells=())
    for record in (RED, GREEN):
        text = report(replace(record, lint=(said, other)))
        red = any(one.verdict == PLAINTEXT.id and not one.ok for one in record.judgements)
        assert ("RM001 said so: 6381 is not declared; cure: declare it" in text) == red
        assert "RM027 said so" not in text
        assert "the linter on the manifests: 2 findings" in text
        assert "mine.yaml:3:1: error RM001: 6381 is not declared" in text
    assert "the linter" not in report(RED)


def test_the_end_at_the_terminal_is_ten_lines_at_most() -> None:
    assert summary(GREEN, "art").splitlines() == [
        headline(GREEN).splitlines()[0],
        "look: art/report.html (a page), art/report.txt (all findings)",
    ]
    few = summary(RED, "art").splitlines()
    assert [line[2:] for line in few[1:-2]] == [" ".join(line.split()) for line in RED.wrong]
    assert few[-1] == f"why:  raymesh explain {EDGES.id}"
    many = replace(RED, judgements=tuple(judgement(EDGES, ok=False, about=str(n)) for n in range(30)))
    lines = summary(many, "art").splitlines()
    assert len(lines) == 10
    assert lines[7] == f"  and {len(many.wrong) - 6} more"


@given(RECORDS)
def test_no_record_makes_the_end_long(record: Record) -> None:
    lines = summary(record, "art").splitlines()
    assert len(lines) <= 10
    assert all(line.isprintable() for line in lines)


def test_the_first_line_says_which_image_was_not_the_lanes() -> None:
    assert GREEN.images
    told = replace(GREEN.images, given={"kuberay-operator": "my/operator:pr-123, from the engine (sha256:12)"})
    first = report(replace(GREEN, images=told)).splitlines()[0]
    assert first.endswith("; kuberay-operator is my/operator:pr-123, from the engine (sha256:12)")
    assert "my/operator" not in report(GREEN)


def test_a_mirror_is_named_beside_the_source() -> None:
    images = Images("pull", {}, mirror="registry.example/mirror")
    assert "images: pull from registry.example/mirror; proxy:" in report(replace(GREEN, images=images))
