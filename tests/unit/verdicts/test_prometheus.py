"""mTLS by Prometheus: each Ray pod by itself, nothing of other security from the first second on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from raymesh.verdicts.catalog import CALLERS, CALLS_SUCCEED, MUTUAL_GROWS, NO_RESTART, NOTHING_ELSE, SCRAPED, Verdict
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.verdicts.prometheus import Ledger, mtls_by_prometheus
from raymesh.witness.prometheus import OPENED, REQUESTS, UPTIME, Sample, Target
from tests.unit.verdicts.built_subject import NAMES, SPIFFE
from tests.unit.verdicts.colour import red, red_of

FLOOR = 50
TARGETS = tuple(Target("kubernetes-pods", {"pod": pod}, "up", "", 1790000000.0) for pod in NAMES)


def sample(pod: str, value: float, reporter: str = "destination", **more: str) -> Sample:
    labels = {
        "__name__": REQUESTS,
        "pod": pod,
        "reporter": reporter,
        "request_protocol": "grpc",
        "connection_security_policy": "mutual_tls" if reporter == "destination" else "unknown",
        "source_principal": SPIFFE,
        "grpc_response_status": "0",
        "response_code": "200",
        **more,
    }
    return Sample(labels, 1790000000.0, value)


def uptime(pod: str, seconds: float) -> Sample:
    return Sample({"__name__": UPTIME, "pod": pod}, 1790000000.0, seconds)


def calls(count: float) -> list[Sample]:
    """As many calls received at each pod, and as many sent, by sidecars that have been up for ten minutes."""
    counted = [sample(pod, count, reporter) for pod in NAMES for reporter in ("destination", "source")]
    return [*counted, *(uptime(pod, 600) for pod in NAMES)]


BEFORE, HEALTHY = calls(100), calls(200)
TCP = sample("head", 3, __name__=OPENED, request_protocol="tcp")
PLAIN = sample("head", 7, connection_security_policy="none", source_principal="unknown")


def look(ledger: Ledger, samples: Sequence[Sample], targets: Sequence[Target] = TARGETS) -> Findings:
    return mtls_by_prometheus(ledger, samples, targets, pods=NAMES, identities={SPIFFE}, floor=FLOOR)


def judged(
    after: Sequence[Sample], before: Sequence[Sample] = BEFORE, *, fresh: bool = True
) -> set[tuple[Verdict, str]]:
    return red_of(look(Ledger.opened(before, fresh=fresh), after))


def without(samples: Sequence[Sample], **labels: str) -> list[Sample]:
    return [s for s in samples if not labels.items() <= s.labels.items()]


def test_growth_at_every_pod_is_green() -> None:
    findings = look(Ledger.opened(BEFORE, fresh=True), [*HEALTHY, TCP])
    assert red(findings) == set()
    assert findings[0].figures == {"received": 100, "sent": 100}


def test_no_data_is_red_everywhere() -> None:
    findings = look(Ledger.opened((), fresh=True), (), ())
    assert red(findings) == verdicts_of(findings)


@pytest.mark.parametrize("pod", NAMES)
def test_a_pod_that_no_call_reached_is_red_though_all_others_grew(pod: str) -> None:
    still = [sample(pod, 100, "destination"), *without(HEALTHY, pod=pod, reporter="destination")]
    assert judged(still) == {(MUTUAL_GROWS, pod), (CALLS_SUCCEED, pod)}


@pytest.mark.parametrize("pod", NAMES)
def test_a_pod_that_called_nobody_is_red(pod: str) -> None:
    """Sent less than the floor, and received enough."""
    still = [sample(pod, 149, "source"), *without(HEALTHY, pod=pod, reporter="source")]
    assert judged(still) == {(MUTUAL_GROWS, pod)}


@pytest.mark.parametrize("pod", NAMES)
def test_series_of_a_pod_that_vanish_are_a_reset(pod: str) -> None:
    assert judged(without(HEALTHY, pod=pod)) == {
        (NO_RESTART, ""),
        (NOTHING_ELSE, ""),
        (MUTUAL_GROWS, pod),
        (CALLS_SUCCEED, pod),
    }


@pytest.mark.parametrize("pod", NAMES)
def test_a_pod_that_was_never_scraped_is_red(pod: str) -> None:
    before, after = without(BEFORE, pod=pod), without(HEALTHY, pod=pod)
    findings = look(Ledger.opened(before, fresh=True), after, [t for t in TARGETS if t.labels["pod"] != pod])
    lost = {(NO_RESTART, ""), (NOTHING_ELSE, "")}
    assert red_of(findings) == {*lost, (SCRAPED, pod), (MUTUAL_GROWS, pod), (CALLS_SUCCEED, pod)}


@pytest.mark.parametrize("instead", [{"health": "down"}, {"health": "unknown"}, {"scraped_at": 0.0}])
def test_a_target_that_is_not_up_is_red(instead: dict[str, object]) -> None:
    targets = (*TARGETS[:-1], replace(TARGETS[-1], **instead))  # type: ignore[arg-type]  # by name
    assert red_of(look(Ledger.opened(BEFORE, fresh=True), HEALTHY, targets)) == {(SCRAPED, "worker-b")}


def test_plaintext_before_the_first_look_is_not_forgiven_on_a_fresh_cluster() -> None:
    assert judged([*HEALTHY, PLAIN], [*BEFORE, PLAIN]) == {(NOTHING_ELSE, "")}
    assert judged([*HEALTHY, PLAIN], [*BEFORE, PLAIN], fresh=False) == set()


@pytest.mark.parametrize("policy", ["none", "unknown", ""])
def test_one_call_of_other_security_is_red(policy: str) -> None:
    one = sample("worker-b", 1, connection_security_policy=policy)
    assert judged([*HEALTHY, one]) == {(NOTHING_ELSE, "")}
    opened = sample("worker-b", 1, connection_security_policy=policy, __name__=OPENED, request_protocol="tcp")
    assert judged([*HEALTHY, opened]) == {(NOTHING_ELSE, "")}


def test_what_an_earlier_fault_left_behind_may_stay_but_not_grow() -> None:
    more = replace(PLAIN, value=8)
    assert judged([*HEALTHY, more], [*BEFORE, PLAIN], fresh=False) == {(NOTHING_ELSE, "")}


def test_a_caller_that_nobody_named_is_red() -> None:
    stranger = sample("head", 1, source_principal="spiffe://evil/ns/default/sa/default")
    assert judged([*HEALTHY, stranger]) == {(CALLERS, "")}
    assert judged([*HEALTHY, sample("head", 1, source_principal="")]) == {(CALLERS, "")}


@pytest.mark.parametrize("failed", [{"grpc_response_status": "14"}, {"response_code": "503"}, {"response_code": "0"}])
def test_a_pod_at_which_nearly_all_calls_fail_is_red(failed: dict[str, str]) -> None:
    bad = sample("worker-a", 1900, **failed)
    assert judged([*HEALTHY, bad]) == {(CALLS_SUCCEED, "worker-a")}


def test_a_counter_that_went_back_counts_anew() -> None:
    ledger = Ledger.opened(BEFORE, fresh=True)
    assert red(look(ledger, HEALTHY)) == set()
    back = [sample("head", 5), *without(HEALTHY, pod="head", reporter="destination")]
    assert red_of(look(ledger, back)) == {(MUTUAL_GROWS, "head"), (CALLS_SUCCEED, "head")}
    again = [sample("head", FLOOR), *without(HEALTHY, pod="head", reporter="destination")]
    assert red(look(ledger, again)) == set()


def test_plaintext_is_not_forgotten_when_another_counter_goes_back() -> None:
    ledger = Ledger.opened([*BEFORE, PLAIN], fresh=False)
    back = [sample("head", 5), *without(HEALTHY, pod="head", reporter="destination")]
    assert NOTHING_ELSE in red(look(ledger, [*back, replace(PLAIN, value=8)]))
    assert red(look(ledger, [*HEALTHY, replace(PLAIN, value=8)])) == {NOTHING_ELSE}


def test_plaintext_after_its_own_counter_went_back_is_no_more_forgiven() -> None:
    ledger = Ledger.opened([*BEFORE, PLAIN], fresh=False)
    assert red(look(ledger, [*HEALTHY, replace(PLAIN, value=2)])) == {NOTHING_ELSE}


def test_a_counter_of_connections_may_go_with_its_filter_chain() -> None:
    assert judged(HEALTHY, [*BEFORE, TCP]) == set()


def test_a_sidecar_that_started_anew_is_red_until_it_is_begun_again() -> None:
    ledger = Ledger.opened(BEFORE, fresh=True)
    anew = [uptime("worker-b", 20) if s == uptime("worker-b", 600) else s for s in HEALTHY]
    assert red(look(ledger, anew)) == {NO_RESTART}
    assert red(look(ledger, anew)) == {NO_RESTART}, "it is not forgotten at the next look"
    ledger.begin()
    assert NO_RESTART not in red(look(ledger, anew))


def test_an_uptime_that_is_read_late_is_no_restart() -> None:
    late = [uptime("worker-b", 590) if s == uptime("worker-b", 600) else s for s in HEALTHY]
    assert judged(late) == set()


def test_a_floor_of_nothing_proves_nothing() -> None:
    findings = mtls_by_prometheus(
        Ledger.opened(BEFORE, fresh=True), HEALTHY, TARGETS, pods=NAMES, identities={SPIFFE}, floor=0
    )
    assert red(findings) == {MUTUAL_GROWS}
