"""mTLS by the sidecars' Envoy: TLS 1.3 alone, clients' certificates checked against the mesh's roots, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from raymesh.verdicts.catalog import ASKED, CHAINS, HANDSHAKES, OUTBOUND, TRUST, Verdict
from raymesh.verdicts.envoy import Sidecar, Trust, mtls_by_envoy
from raymesh.witness.envoy import Certificates, Handshakes, InboundChain, OutboundCluster, TlsContext
from tests.unit.verdicts.built_subject import NAMES, SPIFFE, SUBJECT
from tests.unit.verdicts.colour import red, red_of

TLS = TlsContext("TLSv1_3", "default", "ROOTCA", accepts_untrusted=False, demands_certificate=True)
DIALS = replace(TLS, minimum="", demands_certificate=False)
CHAIN = InboundChain("0.0.0.0_6380", 6380, "tls", TLS, "http", black_hole=False)
HOLE = InboundChain("virtualInbound-blackhole", 15006, "", None, "tcp", black_hole=True)
PORTS = (6380, 6381)
DIALLED = tuple(
    OutboundCluster(
        f"outbound|{port}||h", SUBJECT.headless_host, port, (("tlsMode-istio", DIALS), ("tlsMode-disabled", None))
    )
    for port in PORTS
)
LOADED = Certificates(frozenset({"abc"}), frozenset({SPIFFE}))
HEALTHY = Sidecar(Handshakes({"TLSv1.3": 40}), (CHAIN, replace(CHAIN, port=None), HOLE), DIALLED, LOADED)
MESH = Trust(frozenset({"abc"}), frozenset({SPIFFE}))
ALL = dict.fromkeys(NAMES, HEALTHY)


def judged(
    worker: Sidecar, trust: Trust = MESH, forgiven: Mapping[str, Handshakes] | None = None
) -> set[tuple[Verdict, str]]:
    """Return what is red where one of the two workers is otherwise."""
    sidecars = {**ALL, "worker-b": worker}
    return red_of(mtls_by_envoy(sidecars, pods=NAMES, trust=trust, ports=PORTS, forgiven=forgiven or {}))


@pytest.mark.parametrize(
    ("left", "now", "ok"),
    [
        ({"TLSv1.3": 9, "TLSv1.2": 2}, {"TLSv1.3": 40, "TLSv1.2": 2}, True),
        ({"TLSv1.3": 9, "TLSv1.2": 2}, {"TLSv1.3": 40, "TLSv1.2": 3}, False),
        ({"TLSv1.3": 9, "TLSv1.2": 2}, {"TLSv1.3": 40, "TLSv1.2": 1}, False),  # it was restarted in between
        ({"TLSv1.3": 9, "TLSv1.2": 2}, {"TLSv1.2": 2}, False),
        ({"TLSv1.3": 9, "TLSv1.2": 2}, {"TLSv1.3": 40, "TLSv1.1": 2}, False),
        ({"TLSv1.3": 9}, {"TLSv1.3": 40, "TLSv1.2": 1}, False),
    ],
)
def test_what_a_fault_left_is_forgiven_and_no_handshake_more(
    left: dict[str, int], now: dict[str, int], *, ok: bool
) -> None:
    worker = replace(HEALTHY, handshakes=Handshakes(now))
    assert judged(worker, forgiven={"worker-b": Handshakes(left)}) == (set() if ok else {(HANDSHAKES, "worker-b")})
    assert judged(worker, forgiven={"worker-a": Handshakes(left)}) == (
        set() if set(now) == {"TLSv1.3"} else {(HANDSHAKES, "worker-b")}
    )


def with_chain(**more: object) -> Sidecar:
    return replace(HEALTHY, inbound=(*HEALTHY.inbound, replace(CHAIN, **more)))  # type: ignore[arg-type]  # by name


def with_tls(**more: object) -> Sidecar:
    return with_chain(tls=replace(TLS, **more))  # type: ignore[arg-type]  # by name


def with_socket(*sockets: tuple[str, TlsContext | None]) -> Sidecar:
    return replace(HEALTHY, outbound=(DIALLED[0], replace(DIALLED[1], sockets=sockets)))


def test_healthy_sidecars_are_green() -> None:
    findings = mtls_by_envoy(ALL, pods=NAMES, trust=MESH, ports=PORTS, forgiven={})
    assert red(findings) == set()
    assert [f.figures for f in findings[1:5]] == [
        {"handshakes": 40},
        {"chains": 2},
        {"chains": 2, "roots": 1},
        {"clusters": 2},
    ]


@pytest.mark.parametrize(
    ("worker", "verdict"),
    [
        (replace(HEALTHY, handshakes=Handshakes({})), HANDSHAKES),
        (replace(HEALTHY, handshakes=Handshakes({"TLSv1.3": 0})), HANDSHAKES),
        (replace(HEALTHY, handshakes=Handshakes({"TLSv1.2": 3})), HANDSHAKES),
        (replace(HEALTHY, handshakes=Handshakes({"TLSv1.3": 40, "TLSv1.2": 1})), HANDSHAKES),
        (with_chain(tls=None, match="raw_buffer"), CHAINS),
        (with_chain(tls=None, match=""), CHAINS),
        (with_chain(match="raw_buffer"), CHAINS),
        (with_tls(demands_certificate=False), CHAINS),
        (with_tls(minimum="TLSv1_2"), CHAINS),
        (with_tls(minimum=""), CHAINS),
        (with_tls(accepts_untrusted=True), TRUST),
        (with_tls(ca=""), TRUST),
        (with_tls(ca="inline"), TRUST),
        (with_tls(ca="file-root:system"), TRUST),
        (replace(HEALTHY, certificates=replace(LOADED, roots=frozenset({"abc", "evil"}))), TRUST),
        (replace(HEALTHY, certificates=replace(LOADED, roots=frozenset())), TRUST),
        (replace(HEALTHY, certificates=replace(LOADED, identities=frozenset())), TRUST),
        (replace(HEALTHY, certificates=replace(LOADED, identities=frozenset({SUBJECT.spiffe("other")}))), TRUST),
        (replace(HEALTHY, outbound=()), OUTBOUND),
        (replace(HEALTHY, outbound=DIALLED[:1]), OUTBOUND),
        (with_socket(("", None)), OUTBOUND),
        (with_socket(("tlsMode-disabled", None)), OUTBOUND),
        (with_socket(("tlsMode-istio", None)), OUTBOUND),
        (with_socket(("tlsMode-istio", replace(DIALS, certificate=""))), OUTBOUND),
        (with_socket(("tlsMode-istio", replace(DIALS, ca=""))), OUTBOUND),
        (with_socket(("tlsMode-istio", replace(DIALS, accepts_untrusted=True))), OUTBOUND),
        (with_socket(("tlsMode-istio", DIALS), ("", None)), OUTBOUND),
    ],
)
def test_one_lax_sidecar_of_many_is_red_for_its_own_reason(worker: Sidecar, verdict: Verdict) -> None:
    assert judged(worker) == {(verdict, "worker-b")}


@pytest.mark.parametrize("inbound", [(), (HOLE,)])
def test_a_sidecar_without_inbound_chains_is_red(inbound: tuple[InboundChain, ...]) -> None:
    assert judged(replace(HEALTHY, inbound=inbound)) == {(CHAINS, "worker-b"), (TRUST, "worker-b")}


def test_no_known_root_is_red() -> None:
    assert judged(HEALTHY, Trust(frozenset(), MESH.identities)) == {(TRUST, pod) for pod in NAMES}


@pytest.mark.parametrize("pod", NAMES)
def test_a_sidecar_that_did_not_answer_is_red(pod: str) -> None:
    others = {name: sidecar for name, sidecar in ALL.items() if name != pod}
    assert red(mtls_by_envoy(others, pods=NAMES, trust=MESH, ports=PORTS, forgiven={})) == {ASKED}


def test_no_pods_are_red() -> None:
    assert red(mtls_by_envoy({}, pods=NAMES, trust=MESH, ports=PORTS, forgiven={})) == {ASKED}
    assert red(mtls_by_envoy({}, pods=(), trust=MESH, ports=PORTS, forgiven={})) == {ASKED}
