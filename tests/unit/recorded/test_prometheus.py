"""mTLS by Prometheus on two recorded answers: green as they are, red for what else grew in a doctored one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raymesh.mesh.guide import NAME
from raymesh.observe import CALLS_FLOOR
from raymesh.verdicts import Finding, mtls_by_prometheus
from raymesh.verdicts.finding import names
from raymesh.witness.prometheus import Sample, parse_vector
from tests.unit.recorded.recordings import Doctored, parsed
from tests.unit.verdicts.colour import red

EARLIER, QUERY = "prometheus-before.json", "prometheus-query.json"
GROWS = "mutual_tls grows"
OTHERS = "nothing but mutual_tls grows"
RESET = "no sidecar restarted in between"

Series = dict[str, Any]


def each(policy: str, change: Callable[[Series], object], **labels: str) -> Doctored:
    """Change the series of a policy that have these labels."""
    wanted = {"connection_security_policy": policy, **labels}.items()
    return Doctored(QUERY, lambda answer: [change(s) for s in series(answer) if wanted <= s["metric"].items()])


def series(answer: Any) -> list[Series]:
    found: list[Series] = answer["data"]["result"]
    return found


def grown(by: int) -> Callable[[Series], object]:
    """Let a series have grown by so much since the earlier answer."""

    def change(one: Series) -> None:
        [old] = [sample.value for sample in BEFORE if sample.labels == one["metric"]]
        one["value"][1] = str(old + by)

    return change


def labelled(**labels: str) -> Callable[[Series], object]:
    return lambda one: one["metric"].update(labels)


def without(*policies: str) -> Doctored:
    def doctor(answer: Any) -> None:
        kept = [s for s in series(answer) if s["metric"]["connection_security_policy"] not in policies]
        answer["data"]["result"] = kept

    return Doctored(QUERY, doctor)


BEFORE = parsed(parse_vector, EARLIER)
OWN = {"source_workload": NAME, "request_protocol": "grpc"}
DOCTORED: dict[str, tuple[Doctored, set[str]]] = {
    "plaintext grew": (each("none", grown(1), request_protocol="grpc"), {OTHERS}),
    "new plaintext": (each("none", labelled(source_workload="outsider")), {OTHERS}),
    "no policy": (each("none", lambda s: s["metric"].pop("connection_security_policy")), {OTHERS}),
    "traffic in plaintext": (each("mutual_tls", labelled(connection_security_policy="none"), **OWN), {GROWS, OTHERS}),
    "nothing grew": (each("mutual_tls", grown(0)), {GROWS}),
    "too little grew": (each("mutual_tls", grown(24), **OWN), {GROWS}),
    "grew as HTTP": (each("mutual_tls", labelled(request_protocol="http"), **OWN), {GROWS}),
    "calls of another": (each("mutual_tls", labelled(source_workload="stranger"), **OWN), {GROWS}),
    "calls to another": (each("mutual_tls", labelled(destination_workload="stranger"), **OWN), {GROWS}),
    "went back": (each("none", grown(-1)), {RESET}),
    "mutual_tls went back": (each("mutual_tls", grown(-1), request_protocol="tcp"), {RESET}),
    "only plaintext": (without("mutual_tls"), {GROWS}),
    "no series": (without("mutual_tls", "none"), {GROWS, OTHERS, RESET}),
}


def judge(doctored: Doctored | None = None, before: tuple[Sample, ...] = BEFORE) -> tuple[Finding, ...]:
    return mtls_by_prometheus(before, parsed(parse_vector, QUERY, doctored), workload=NAME, floor=CALLS_FLOOR)


def test_the_recording_is_green() -> None:
    findings = judge()
    assert red(findings) == set()
    assert findings[0].figures == {"mutual_tls calls": 271}
    assert names(findings) == {GROWS, OTHERS, RESET}


@pytest.mark.parametrize("case", DOCTORED)
def test_each_doctored_copy_is_red_for_its_own_reason(case: str) -> None:
    doctored, reasons = DOCTORED[case]
    assert red(judge(doctored)) == reasons


def test_what_a_control_left_behind_is_told_from_growth_by_looking_before() -> None:
    assert red(judge(before=())) == {OTHERS}
    assert red(judge(without("none"), before=())) == set()
