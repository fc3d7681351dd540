"""mTLS by Prometheus on a recorded answer: green as it is, red for what was done to one pod of a doctored copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raymesh.proof.looks import CALLS_FLOOR
from raymesh.verdicts.catalog import CALLERS, CALLS_SUCCEED, MUTUAL_GROWS, NO_RESTART, NOTHING_ELSE, SCRAPED, Verdict
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.verdicts.prometheus import Ledger, mtls_by_prometheus
from raymesh.witness.prometheus import REQUESTS, Sample, parse_targets, parse_vector
from tests.unit.recorded.recordings import PODS, SUBJECT, Doctored, parsed
from tests.unit.verdicts.colour import red_of

QUERY, TARGETS = "prometheus-query.json", "prometheus-targets.json"
IDENTITIES = SUBJECT.identities | {SUBJECT.spiffe("insider"), SUBJECT.spiffe("bearer")}
Series = dict[str, Any]


def judge(doctored: Doctored | None = None, ledger: Ledger | None = None) -> Findings:
    return mtls_by_prometheus(
        ledger or Ledger(),  # fresh: nothing is forgiven, and growth is from nothing
        parsed(parse_vector, QUERY, doctored),
        parsed(parse_targets, TARGETS, doctored),
        pods=PODS,
        identities=IDENTITIES,
        floor=CALLS_FLOOR,
    )


def each(change: Callable[[Series], object], **labels: str) -> Doctored:
    """Change the series that have these labels."""

    def doctor(answer: Any) -> None:
        for one in answer["data"]["result"]:
            if labels.items() <= one["metric"].items():
                change(one)

    return Doctored(QUERY, doctor)


def labelled(**labels: str) -> Callable[[Series], object]:
    return lambda one: one["metric"].update(labels)


def one_more(**labels: str) -> Doctored:
    """Add a series of one call, otherwise like one that is there."""

    def doctor(answer: Any) -> None:
        like = next(s for s in answer["data"]["result"] if s["metric"]["reporter"] == "destination")
        answer["data"]["result"].append({**like, "metric": {**like["metric"], **labels, "added": "yes"}})

    return Doctored(QUERY, doctor)


def vanished(pod: str) -> Doctored:
    def doctor(answer: Any) -> None:
        answer["data"]["result"] = [s for s in answer["data"]["result"] if s["metric"]["pod"] != pod]

    return Doctored(QUERY, doctor)


def test_the_recording_is_green() -> None:
    assert red_of(judge()) == set()


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_whose_series_vanish_is_red(pod: str) -> None:
    samples: tuple[Sample, ...] = parsed(parse_vector, QUERY)
    ledger = Ledger.opened(samples, fresh=False)
    ledger.start.clear()
    assert red_of(judge(vanished(pod), ledger)) == {
        *{(NO_RESTART, ""), (NOTHING_ELSE, ""), (MUTUAL_GROWS, pod), (CALLS_SUCCEED, pod)}
    }


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("reporter", ["destination", "source"])
def test_a_pod_that_received_or_sent_nothing_is_red(reporter: str, pod: str) -> None:
    still = each(lambda one: one["value"].__setitem__(1, "0"), pod=pod, reporter=reporter, __name__=REQUESTS)
    assert (MUTUAL_GROWS, pod) in red_of(judge(still))
    assert {about for verdict, about in red_of(judge(still)) if verdict is MUTUAL_GROWS} == {pod}


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_at_which_all_calls_fail_is_red(pod: str) -> None:
    failing = each(labelled(grpc_response_status="14"), pod=pod, reporter="destination", __name__=REQUESTS)
    assert (CALLS_SUCCEED, pod) in red_of(judge(failing))
    assert {about for verdict, about in red_of(judge(failing)) if verdict is CALLS_SUCCEED} == {pod}


def target_of(pod: str, change: Callable[[Any], object]) -> Doctored:
    def doctor(answer: Any) -> None:
        for target in answer["data"]["activeTargets"]:
            if target["labels"].get("pod") == pod:
                change(target)

    return Doctored(TARGETS, doctor)


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_that_is_not_scraped_is_red(pod: str) -> None:
    changes: tuple[Callable[[Any], object], ...] = (
        lambda target: target.update(health="down"),
        lambda target: target.update(lastScrape="0001-01-01T00:00:00Z"),
        lambda target: target["labels"].pop("pod"),
    )
    for change in changes:
        assert red_of(judge(target_of(pod, change))) == {(SCRAPED, pod)}


DOCTORED: dict[str, tuple[Doctored, Verdict]] = {
    "one in plaintext": (one_more(connection_security_policy="none"), NOTHING_ELSE),
    "one of unknown security": (one_more(connection_security_policy="unknown"), NOTHING_ELSE),
    "one of a stranger": (one_more(source_principal="spiffe://evil/ns/default/sa/default"), CALLERS),
}


@pytest.mark.parametrize("case", DOCTORED)
def test_one_call_is_enough_to_be_red(case: str) -> None:
    doctored, verdict = DOCTORED[case]
    assert red_of(judge(doctored)) == {(verdict, "")}


def test_no_series_are_red_everywhere() -> None:
    nothing = Doctored(QUERY, lambda answer: answer["data"]["result"].clear())
    assert {v for v, _ in red_of(judge(nothing))} == verdicts_of(judge()) - {SCRAPED}
