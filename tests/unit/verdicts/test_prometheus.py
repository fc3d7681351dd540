"""mTLS by Prometheus: green on growth of mutual_tls alone."""

from __future__ import annotations

import pytest

from raymesh.verdicts import mtls_by_prometheus
from raymesh.verdicts.finding import names
from raymesh.witness.prometheus import Sample
from tests.unit.verdicts.colour import red

GROWS = "mutual_tls grows"
OTHERS = "nothing but mutual_tls grows"
RESET = "no sidecar restarted in between"


def sample(value: float, policy: str = "mutual_tls", **more: str) -> Sample:
    labels = {
        "pod": "head",
        "source_workload": "raycluster-istio",
        "destination_workload": "raycluster-istio",
        "request_protocol": "grpc",
        "connection_security_policy": policy,
        **more,
    }
    return Sample(labels, 1790000000.0, value)


BEFORE = (sample(100), sample(40, pod="worker"))
HEALTHY = (sample(180), sample(70, pod="worker"), sample(3, request_protocol="tcp"))


def judged(*after: Sample, before: tuple[Sample, ...] = BEFORE) -> set[str]:
    return red(mtls_by_prometheus(before, after, workload="raycluster-istio", floor=100))


def test_growth_of_mutual_tls_alone_is_green() -> None:
    findings = mtls_by_prometheus(BEFORE, HEALTHY, workload="raycluster-istio", floor=100)
    assert red(findings) == set()
    assert findings[0].figures == {"mutual_tls calls": 110}


def test_a_series_that_is_new_counts_from_zero() -> None:
    assert judged(*HEALTHY, before=()) == set()


def test_no_data_is_red_everywhere() -> None:
    assert judged(before=()) == names(mtls_by_prometheus((), (), workload="x", floor=1)) == {GROWS, OTHERS, RESET}


@pytest.mark.parametrize(
    ("after", "reasons"),
    [
        (BEFORE, {GROWS}),
        ((sample(180), sample(41, pod="worker")), {GROWS}),
        ((sample(300, request_protocol="http"),), {GROWS}),
        ((sample(300, source_workload="unknown"),), {GROWS}),
        ((*HEALTHY, sample(1, "none", source_workload="unknown")), {OTHERS}),
        ((*HEALTHY, sample(1, "unknown")), {OTHERS}),
        ((sample(5), sample(300, pod="worker")), {RESET}),
    ],
)
def test_each_doctored_copy_is_red_for_its_own_reason(after: tuple[Sample, ...], reasons: set[str]) -> None:
    assert judged(*after) == reasons


def test_a_series_without_policy_is_not_taken_for_mutual() -> None:
    bare = Sample({"source_workload": "raycluster-istio"}, 1790000000.0, 9)
    assert judged(*HEALTHY, bare) == {OTHERS}


def test_what_an_earlier_control_left_behind_may_stay_but_not_grow() -> None:
    left = sample(7, "none")
    assert judged(*HEALTHY, left, before=(*BEFORE, left)) == set()
    assert judged(*HEALTHY, sample(8, "none"), before=(*BEFORE, left)) == {OTHERS}


def test_a_floor_of_nothing_proves_nothing() -> None:
    assert red(mtls_by_prometheus(BEFORE, HEALTHY, workload="raycluster-istio", floor=0)) == {GROWS}
