"""mTLS by the sidecars' own Envoy: handshakes, what the inbound listener lets in and on whose word, how it dials."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import chain

from raymesh.manifests.opened import ranges
from raymesh.verdicts.catalog import ASKED, CHAINS, HANDSHAKES, OUTBOUND, TRUST, Verdict
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.envoy import Certificates, Handshakes, InboundChain, OutboundCluster, TlsContext

TLS_1_3 = "TLSv1.3"  # as statistics write it
MINIMUM_TLS = "TLSv1_3"  # as configuration writes it
OWN_SECRET, ROOT_SECRET = "default", "ROOTCA"  # Istio's names (istio security/pkg/cache: WorkloadKeyCertResourceName)
WITNESS = "Envoy"


@dataclass(frozen=True)
class Sidecar:
    """What the Envoy of one pod said."""

    handshakes: Handshakes
    inbound: tuple[InboundChain, ...]
    outbound: tuple[OutboundCluster, ...]
    certificates: Certificates


@dataclass(frozen=True)
class Trust:
    """What the sidecars have to have loaded: the mesh's roots by serial number, and the subject's SPIFFE names."""

    roots: frozenset[str]
    identities: frozenset[str]


def mtls_by_envoy(
    sidecars: Mapping[str, Sidecar],
    *,
    pods: Collection[str],
    trust: Trust,
    ports: Collection[int],
    forgiven: Mapping[str, Handshakes],
) -> Findings:
    """Judge the sidecar of each of `pods`. `ports` are those that a sidecar has to know how to dial.

    `forgiven` is what an earlier fault, on purpose, left in counters that only go up, by pod.
    """
    silent = sorted(set(pods) - set(sidecars))
    asked = Finding(
        ASKED,
        ok=bool(pods) and not silent,
        expected=f"answers of {some(sorted(pods))}",
        seen=f"{len(sidecars)} answers; silent: {some(silent)}",
        witness=WITNESS,
        figures={"sidecars": len(sidecars)},
    )
    judged = (_judge(pod, sidecar, trust, ports, forgiven.get(pod)) for pod, sidecar in sidecars.items())
    return (asked, *chain.from_iterable(judged))


def _judge(pod: str, sidecar: Sidecar, trust: Trust, ports: Collection[int], forgiven: Handshakes | None) -> Findings:
    chains = [one for one in sidecar.inbound if not one.black_hole]
    return (
        _handshakes(pod, sidecar.handshakes, forgiven.by_version if forgiven else {}),
        _every(CHAINS, pod, chains, laxity, f"TLS, a client certificate demanded, minimum {MINIMUM_TLS}"),
        _trust(pod, chains, sidecar.certificates, trust),
        _outbound(pod, sidecar.outbound, ports),
    )


def _handshakes(pod: str, seen: Handshakes, forgiven: Mapping[str, int]) -> Finding:
    versions = {
        version: count
        for version, count in seen.by_version.items()
        if version == TLS_1_3 or count != forgiven.get(version)  # fewer are new ones, after a restart
    }
    return Finding(
        HANDSHAKES,
        ok=set(versions) == {TLS_1_3} and versions[TLS_1_3] > 0,
        expected=f"{TLS_1_3} and no other version",
        seen=some((f"{version}: {count}" for version, count in versions.items()), "no handshakes"),
        witness=WITNESS,
        about=pod,
        figures={"handshakes": versions.get(TLS_1_3, 0)},
    )


def _every(
    verdict: Verdict, pod: str, chains: list[InboundChain], fault: Callable[[InboundChain], str], expected: str
) -> Finding:
    lax = [f"{chain.name or 'unnamed'}: {why}" for chain in chains if (why := fault(chain))]
    return Finding(
        verdict,
        ok=bool(chains) and not lax,
        expected=f"inbound chains, each with {expected}",
        seen=f"{len(chains)} chains, lax: {some(lax)}",
        witness=WITNESS,
        about=pod,
        figures={"chains": len(chains)},
    )


def laxity(chain: InboundChain) -> str:
    """Say what a chain lets in that it should not, or nothing."""
    if chain.tls is None:
        return f"plaintext on port {chain.port or 'any'}"
    if chain.match == "raw_buffer":
        return "TLS on a chain that takes what is not TLS"
    if not chain.tls.demands_certificate:
        return "no client certificate demanded"
    if chain.tls.minimum != MINIMUM_TLS:
        return f"minimum TLS version {chain.tls.minimum or 'not set'}"
    return ""


def _trust(pod: str, chains: list[InboundChain], loaded: Certificates, trust: Trust) -> Finding:
    """A chain without TLS is CHAINS' affair; what has TLS must check, and against the mesh's own roots alone."""
    encrypted = [chain for chain in chains if chain.tls]
    lax = [f"{chain.name or 'unnamed'}: {why}" for chain in encrypted if (why := _unchecked(chain.tls))]
    foreign = sorted(loaded.roots - trust.roots)
    lacking = sorted(trust.roots - loaded.roots)
    strange = sorted(loaded.identities - trust.identities)
    wrong = [
        *lax,
        *(f"trusts a root that is not the mesh's: {serial}" for serial in foreign),
        *(f"lacks the mesh's root {serial}" for serial in lacking),
        *(f"goes by {name}" for name in strange),
    ]
    return Finding(
        TRUST,
        ok=bool(encrypted) and bool(trust.roots) and bool(loaded.identities) and not wrong,
        expected=f"chains that check against {some(sorted(trust.roots))}; own name {some(sorted(trust.identities))}",
        seen=f"{len(encrypted)} chains, roots {some(sorted(loaded.roots))}, wrong: {some(wrong)}",
        witness=WITNESS,
        about=pod,
        figures={"chains": len(encrypted), "roots": len(loaded.roots)},
    )


def _unchecked(tls: TlsContext | None) -> str:
    if tls is None:
        return "plaintext"
    if tls.accepts_untrusted:
        return "takes untrusted certificates"
    if tls.ca != ROOT_SECRET:
        return f"checks against {tls.ca or 'nothing'}"
    return ""


def _outbound(pod: str, clusters: tuple[OutboundCluster, ...], ports: Collection[int]) -> Finding:
    lax = [f"{cluster.name}: {why}" for cluster in clusters for why in _lax_sockets(cluster)]
    missing = sorted(set(ports) - {cluster.port for cluster in clusters})
    return Finding(
        OUTBOUND,
        ok=bool(clusters) and not lax and not missing,
        expected=f"clusters for {len(set(ports))} ports, each with the pod's certificate and a check of the other's",
        seen=f"{len(clusters)} clusters, lax: {some(lax)}; no cluster for ports {ranges(missing) or 'none'}"
        + (": no Service declares them where this sidecar finds it" if missing else ""),
        witness=WITNESS,
        about=pod,
        figures={"clusters": len(clusters)},
    )


def _lax_sockets(cluster: OutboundCluster) -> list[str]:
    """With automatic mTLS Istio leaves a way in plaintext for endpoints without a sidecar; each Ray pod has one."""
    ways = [(name, tls) for name, tls in cluster.sockets if name != "tlsMode-disabled"]
    if not ways:
        return ["plaintext alone"]
    return [why for _, tls in ways if (why := _unchecked(tls) or ("" if tls and tls.certificate else "no certificate"))]
