"""Refusal: each client must meet what proves the claim about it, at every port that listens in every Ray pod."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesh.verdicts.catalog import ALL_TRIED, INSIDER_SERVED, PLAINTEXT_REFUSED, Verdict
from raymesh.verdicts.finding import Findings, holds, red
from raymesh.verdicts.refusal import INSIDER, OUTSIDE, RULES, Rule, insiders, refusals
from raymesh.witness.knock import ALERTS, GRPC_STATUSES, Author, Kind, Knock, Outcome, Stage, Target

HEAD, WORKER = "head-x1", "worker-x2"
PODS = (HEAD, WORKER)
TARGETS = (
    Target(HEAD, "head", "h", "10.0.0.1", 6379, "grpc"),
    Target(HEAD, "head", "h", "10.0.0.1", 8265, "http"),
    Target(WORKER, "worker", "w", "10.0.0.2", 6380, "grpc"),
    Target(WORKER, "worker", "w", "10.0.0.2", 10005, "grpc", listens=False),
)
LISTENING = TARGETS[:3]
UNTRUSTED = Outcome("alert", "secured", alert="unknown_ca")
PROOF = {
    "plaintext": Outcome("reset", "connected"),
    "TLS 1.2 with the mesh's certificate": Outcome("alert", "handshake", alert="protocol_version"),
    "TLS 1.3 without certificate": Outcome("alert", "secured", alert="certificate_required"),
    "TLS 1.3, self-signed": UNTRUSTED,
    "TLS 1.3, foreign CA": replace(UNTRUSTED, alert="decrypt_error"),
    "TLS 1.3 with the mesh's certificate": Outcome("grpc", "secured", status="UNIMPLEMENTED", by="application"),
    "in the mesh": Outcome("grpc", "connected", status="UNIMPLEMENTED", by="application"),
}
HEALTHY = tuple(Knock(client, target, PROOF[client]) for client in OUTSIDE for target in LISTENING)
INSIDE = tuple(Knock("in the mesh", target, PROOF["in the mesh"]) for target in LISTENING)
outcomes = st.builds(
    Outcome,
    kind=st.sampled_from(get_args(Kind)),
    stage=st.sampled_from(get_args(Stage)),
    alert=st.sampled_from(ALERTS),
    status=st.sampled_from(["200", "403", "503", *GRPC_STATUSES]),
    by=st.sampled_from([author for author in get_args(Author) if author]),
)


def said(findings: Findings) -> set[tuple[Verdict, str]]:
    return {(finding.verdict, finding.about) for finding in red(findings)}


def outside(knocks: Sequence[Knock], targets: Sequence[Target] = TARGETS) -> set[tuple[Verdict, str]]:
    findings = refusals(knocks, targets, pods=PODS)
    assert sorted((f.verdict, f.about) for f in findings) == sorted(
        (verdict, pod) for verdict in (*(rule.verdict for rule in RULES), ALL_TRIED) for pod in PODS
    )
    return said(findings)


def test_a_healthy_mesh_is_green_and_says_how_much_was_tried() -> None:
    findings = refusals(HEALTHY, TARGETS, pods=PODS)
    assert holds(findings)
    [plaintext] = [f for f in findings if (f.verdict, f.about) == (PLAINTEXT_REFUSED, WORKER)]
    assert plaintext.figures == {"listening ports tried": 1, "not listening": 1}
    [tried] = [f for f in findings if (f.verdict, f.about) == (ALL_TRIED, WORKER)]
    assert "nobody listens at: 10005" in tried.seen
    assert holds(insiders(INSIDE, LISTENING, pods=PODS))


def test_an_absence_is_red_everywhere() -> None:
    """No knocks, no targets, no listening port: nothing was shown. No pods at all: no findings, which do not hold."""
    every = {(rule.verdict, pod) for rule in RULES for pod in PODS} | {(ALL_TRIED, pod) for pod in PODS}
    assert outside(()) == outside(HEALTHY, ()) == every
    assert outside((), [replace(target, listens=False) for target in TARGETS]) == every
    assert said(insiders((), LISTENING, pods=PODS)) == {(INSIDER_SERVED, pod) for pod in PODS}
    assert said(insiders(INSIDE, (), pods=PODS)) == {(INSIDER_SERVED, pod) for pod in PODS}
    assert not holds(refusals(HEALTHY, TARGETS, pods=()))


@pytest.mark.parametrize("at", range(len(HEALTHY)))
def test_a_port_that_one_client_did_not_try_is_red_for_that_client_and_pod(at: int) -> None:
    left_out = HEALTHY[at]
    [rule] = [rule for rule in RULES if rule.client == left_out.client]
    pod = left_out.target.pod
    assert outside(HEALTHY[:at] + HEALTHY[at + 1 :]) == {(rule.verdict, pod), (ALL_TRIED, pod)}


def test_a_port_that_always_serves_and_does_not_listen_is_red() -> None:
    deaf = replace(LISTENING[0], listens=False)
    assert said(insiders(INSIDE[1:], (deaf, *LISTENING[1:]), pods=PODS)) == {(INSIDER_SERVED, HEAD)}


def test_what_is_not_known_may_stay_silent_to_the_mesh_but_not_hang_up() -> None:
    unknown = replace(LISTENING[0], speaks="tcp")
    others = tuple(one for one in HEALTHY if one.target != LISTENING[0])
    knocks = tuple(replace(one, target=unknown) for one in HEALTHY if one.target == LISTENING[0])
    bearer = RULES[-1]
    for kind, red_of in (("silence", set()), ("closed", {(bearer.verdict, HEAD)}), ("reset", {(bearer.verdict, HEAD)})):
        held = tuple(
            replace(one, outcome=Outcome(kind, "secured")) if one.client == bearer.client else one  # type: ignore[arg-type]  # from the table
            for one in knocks
        )
        assert outside((*others, *held), (unknown, *TARGETS[1:])) == red_of


def proves(rule: Rule, outcome: Outcome) -> bool:
    """What the claims say, in other words than the code's."""
    alert = outcome.alert if outcome.kind == "alert" else ""
    answered = outcome.kind in {"http", "grpc", "bytes"} and outcome.stage == "secured"
    return {
        "plaintext": (outcome.kind, outcome.stage) in {("closed", "connected"), ("reset", "connected")},
        "TLS 1.2 with the mesh's certificate": alert == "protocol_version",
        "TLS 1.3 without certificate": alert == "certificate_required",
        "TLS 1.3, self-signed": alert in {"unknown_ca", "decrypt_error", "certificate_unknown", "bad_certificate"},
        "TLS 1.3, foreign CA": alert in {"unknown_ca", "decrypt_error", "certificate_unknown", "bad_certificate"},
        "TLS 1.3 with the mesh's certificate": answered,
        "in the mesh": outcome.kind in {"http", "grpc"} and outcome.by == "application",
    }[rule.client]


@given(at=st.integers(0, len(HEALTHY) - 1), outcome=outcomes)
def test_one_outcome_turns_red_its_own_verdict_of_its_own_pod_or_nothing(at: int, outcome: Outcome) -> None:
    changed = replace(HEALTHY[at], outcome=outcome)
    [rule] = [rule for rule in RULES if rule.client == changed.client]
    wanted = set() if proves(rule, outcome) else {(rule.verdict, changed.target.pod)}
    wanted |= {(ALL_TRIED, changed.target.pod)} if outcome.kind == "unable" else set()
    assert outside((*HEALTHY[:at], changed, *HEALTHY[at + 1 :])) == wanted


@given(at=st.integers(0, len(INSIDE) - 1), outcome=outcomes)
def test_an_insider_is_served_by_the_application_alone(at: int, outcome: Outcome) -> None:
    changed = replace(INSIDE[at], outcome=outcome)
    wanted = set() if proves(INSIDER, outcome) else {(INSIDER_SERVED, changed.target.pod)}
    assert said(insiders((*INSIDE[:at], changed, *INSIDE[at + 1 :]), LISTENING, pods=PODS)) == wanted
