"""mTLS by Prometheus: counters of the receiving sidecars, before and after traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from raymesh.verdicts.finding import Finding, some
from raymesh.witness.prometheus import Sample

WITNESS = "Prometheus"
Key = frozenset[tuple[str, str]]


def mtls_by_prometheus(
    before: Sequence[Sample], after: Sequence[Sample], *, workload: str, floor: float
) -> tuple[Finding, ...]:
    """Judge the growth between two answers to `received_by_policy`. `floor` is calls that the traffic must reach."""
    growth = _growth(before, after)
    return _mutual_grows(growth, workload, floor), _nothing_else_grows(growth), _no_reset(growth)


def rebased(before: Sequence[Sample], after: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return `before` with 0 for each series that went back: it began anew, and has since gained all that it has.

    The others stay as they were, so that what grew elsewhere is not forgotten.
    """
    now = {_key(sample): sample.value for sample in after}
    return tuple(replace(old, value=0.0) if now.get(_key(old), old.value) < old.value else old for old in before)


def _growth(before: Sequence[Sample], after: Sequence[Sample]) -> list[tuple[dict[str, str], float]]:
    """Return each series of `after` with what it gained; one that is new gained all that it has."""
    old: dict[Key, float] = {_key(sample): sample.value for sample in before}
    return [(dict(sample.labels), sample.value - old.get(_key(sample), 0.0)) for sample in after]


def _key(sample: Sample) -> Key:
    return frozenset(sample.labels.items())


def _mutual_grows(growth: list[tuple[dict[str, str], float]], workload: str, floor: float) -> Finding:
    calls = sum(
        gain
        for labels, gain in growth
        if labels.get("connection_security_policy") == "mutual_tls"
        and labels.get("request_protocol") == "grpc"
        and labels.get("source_workload") == labels.get("destination_workload") == workload
    )
    return Finding(
        "mutual_tls grows",
        ok=calls >= floor > 0,
        expected=f"{floor:g} or more gRPC calls of {workload} to itself received with mutual TLS",
        seen=f"{calls:g} of them in {len(growth)} series",
        witness=WITNESS,
        figures={"mutual_tls calls": round(calls)},
    )


def _nothing_else_grows(growth: list[tuple[dict[str, str], float]]) -> Finding:
    """`none` stays absent, or as it was where an earlier control on the same pods has left it."""
    others = [
        f"{labels.get('connection_security_policy', 'no policy')} +{gain:g}: {labels}"
        for labels, gain in growth
        if gain > 0 and labels.get("connection_security_policy") != "mutual_tls"
    ]
    return Finding(
        "nothing but mutual_tls grows",
        ok=bool(growth) and not others,
        expected="series, none with another security policy growing",
        seen=f"{len(growth)} series, others that grow: {some(others)}",
        witness=WITNESS,
        figures={"other series that grow": len(others)},
    )


def _no_reset(growth: list[tuple[dict[str, str], float]]) -> Finding:
    resets = [f"{gain:g}: {labels}" for labels, gain in growth if gain < 0]
    return Finding(
        "no sidecar restarted in between",
        ok=bool(growth) and not resets,
        expected="series, none of which went back",
        seen=f"{len(growth)} series, went back: {some(resets)}",
        witness=WITNESS,
    )
