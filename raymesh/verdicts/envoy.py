"""mTLS by the sidecars' own Envoy: the handshakes that it made, and what its inbound listener lets in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raymesh.verdicts.finding import Finding, some
from raymesh.witness.envoy import Handshakes, InboundChain

TLS_1_3 = "TLSv1.3"  # as statistics write it
MINIMUM_TLS = "TLSv1_3"  # as configuration writes it


@dataclass(frozen=True)
class Sidecar:
    """What the Envoy of one pod said."""

    handshakes: Handshakes
    inbound: tuple[InboundChain, ...]


def mtls_by_envoy(sidecars: Mapping[str, Sidecar], *, pods: int) -> tuple[Finding, ...]:
    """Judge the sidecars, by name of pod; there must be `pods` of them or more."""
    asked = Finding(
        "the sidecars were asked",
        ok=len(sidecars) >= pods > 0,
        expected=f"{pods} sidecars or more",
        seen=some(sidecars),
        witness="Envoy",
    )
    return (asked, *(finding for pod, sidecar in sidecars.items() for finding in _judge(pod, sidecar)))


def _judge(pod: str, sidecar: Sidecar) -> tuple[Finding, Finding]:
    versions = sidecar.handshakes.by_version
    handshakes = Finding(
        "TLS 1.3 handshakes only",
        ok=set(versions) == {TLS_1_3} and versions[TLS_1_3] > 0,
        expected=f"{TLS_1_3} and no other version",
        seen=some((f"{version}: {count}" for version, count in versions.items()), "no handshakes"),
        witness=f"Envoy of {pod}",
        figures={"handshakes": versions.get(TLS_1_3, 0)},
    )
    chains = [chain for chain in sidecar.inbound if not chain.black_hole]
    lax = [f"{chain.name or 'unnamed'}: {why}" for chain in chains if (why := _laxity(chain))]
    inbound = Finding(
        "no inbound chain without mTLS",
        ok=bool(chains) and not lax,
        expected=f"inbound chains, each with TLS, a client certificate demanded, minimum {MINIMUM_TLS}",
        seen=f"{len(chains)} chains, lax: {some(lax)}",
        witness=f"Envoy of {pod}",
        figures={"chains": len(chains)},
    )
    return handshakes, inbound


def _laxity(chain: InboundChain) -> str:
    """Say what a chain lets in that it should not, or nothing."""
    if not chain.tls:
        return f"plaintext on port {chain.port or 'any'}"
    if chain.match == "raw_buffer":
        return "TLS on a chain that takes what is not TLS"
    if not chain.client_certificate:
        return "no client certificate demanded"
    if chain.minimum_tls != MINIMUM_TLS:
        return f"minimum TLS version {chain.minimum_tls or 'not set'}"
    return ""
