"""mTLS by the sidecars' Envoy: green on TLS 1.3 with client certificates, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raymesh.verdicts import Sidecar, mtls_by_envoy
from raymesh.witness.envoy import Handshakes, InboundChain
from tests.unit.verdicts.colour import red

ASKED = "the sidecars were asked"
HANDSHAKES = "TLS 1.3 handshakes only"
CHAINS = "no inbound chain without mTLS"
CHAIN = InboundChain("0.0.0.0_6380", 6380, "tls", True, True, "TLSv1_3", "http", black_hole=False)
HOLE = InboundChain("virtualInbound-blackhole", 15006, "", False, False, "", "tcp", black_hole=True)
HEALTHY = Sidecar(Handshakes({"TLSv1.3": 40}), (CHAIN, replace(CHAIN, port=None), HOLE))


def with_chain(**more: object) -> Sidecar:
    return replace(HEALTHY, inbound=(*HEALTHY.inbound, replace(CHAIN, **more)))  # type: ignore[arg-type]  # by name


def test_two_healthy_sidecars_are_green() -> None:
    findings = mtls_by_envoy({"head": HEALTHY, "worker": HEALTHY}, pods=2)
    assert red(findings) == set()
    assert findings[1].figures == {"handshakes": 40}
    assert findings[2].figures == {"chains": 2}


@pytest.mark.parametrize(
    ("worker", "reasons"),
    [
        (replace(HEALTHY, handshakes=Handshakes({})), {HANDSHAKES}),
        (replace(HEALTHY, handshakes=Handshakes({"TLSv1.3": 0})), {HANDSHAKES}),
        (replace(HEALTHY, handshakes=Handshakes({"TLSv1.2": 3})), {HANDSHAKES}),
        (replace(HEALTHY, handshakes=Handshakes({"TLSv1.3": 40, "TLSv1.2": 1})), {HANDSHAKES}),
        (replace(HEALTHY, inbound=()), {CHAINS}),
        (replace(HEALTHY, inbound=(HOLE,)), {CHAINS}),
        (with_chain(tls=False, match="raw_buffer"), {CHAINS}),
        (with_chain(tls=False, match=""), {CHAINS}),
        (with_chain(match="raw_buffer"), {CHAINS}),
        (with_chain(client_certificate=False), {CHAINS}),
        (with_chain(minimum_tls="TLSv1_2"), {CHAINS}),
        (with_chain(minimum_tls=""), {CHAINS}),
    ],
)
def test_one_lax_sidecar_is_red_for_its_own_reason(worker: Sidecar, reasons: set[str]) -> None:
    findings = mtls_by_envoy({"head": HEALTHY, "worker": worker}, pods=2)
    assert red(findings) == reasons
    assert {f.witness for f in findings if not f.ok} == {"Envoy of worker"}


def test_a_sidecar_that_was_not_asked_is_red() -> None:
    assert red(mtls_by_envoy({"head": HEALTHY}, pods=2)) == {ASKED}
    assert red(mtls_by_envoy({}, pods=2)) == {ASKED}
    assert red(mtls_by_envoy({}, pods=0)) == {ASKED}
