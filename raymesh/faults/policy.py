"""Faults of policy: who may talk to Ray, and how."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from raymesh.faults.breaking import OWN, envoy_filter, made, peer_authentication, replaced, without
from raymesh.faults.fault import Fault
from raymesh.manifests.patching import Doc
from raymesh.mesh import istio
from raymesh.proof.bench import Bench
from raymesh.proof.listening import ON_THE_WIRE
from raymesh.verdicts.catalog import (
    BEARER_SERVED,
    CALLERS,
    CHAINS,
    CROSSED,
    FOREIGN_REFUSED,
    HANDSHAKES,
    HTTP_AGENT,
    INSIDER_SERVED,
    KIALI_EDGES,
    KIALI_IDENTITIES,
    KIALI_MTLS,
    KIALI_TLS,
    KIALI_VALID,
    MUTUAL_GROWS,
    NO_CERTIFICATE_REFUSED,
    NOTHING_ELSE,
    OUTBOUND,
    PLAINTEXT_REFUSED,
    SELF_SIGNED_REFUSED,
    TLS12_REFUSED,
    TRUST,
    WIRE_CLEAR,
    WIRE_TLS,
    WORKED,
)

LAX = frozenset({PLAINTEXT_REFUSED, CHAINS, NOTHING_ELSE, KIALI_EDGES, KIALI_TLS})
NO_TLS = frozenset({TLS12_REFUSED, NO_CERTIFICATE_REFUSED, SELF_SIGNED_REFUSED, FOREIGN_REFUSED, BEARER_SERVED})
NO_IDENTITY = frozenset({KIALI_MTLS, KIALI_IDENTITIES, MUTUAL_GROWS, CALLERS, HANDSHAKES, TRUST, OUTBOUND})
READABLE = frozenset({WIRE_TLS, WIRE_CLEAR})
# Not tried on a cluster that goes on: DISABLE for the workload alone, and a DestinationRule that is lax for all ports,
# leave Ray's pods not Ready (2.10.0, seen). SIMPLE at one port keeps a round of Ray's work silent for two minutes, and
# with it turns red every verdict that stands on Ray's own word (docs/findings.md).
# No certificate demanded: an EnvoyFilter can't say so, a merge takes `false` for nothing said (seen).


def peer(mode: str, labels: Mapping[str, str], ports: Mapping[int, str] | None = None) -> Doc:
    """Return a PeerAuthentication for some of the subject's pods."""
    levels = {"portLevelMtls": {str(port): {"mode": level} for port, level in ports.items()}} if ports else {}
    return {
        "apiVersion": "security.istio.io/v1beta1",
        "kind": "PeerAuthentication",
        "metadata": {"name": OWN},
        "spec": {"selector": {"matchLabels": dict(labels)}, "mtls": {"mode": mode}, **levels},
    }


def destination_rule(traffic: Mapping[str, Any]) -> Doc:
    """Return a DestinationRule for the headless Service."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": OWN},
        "spec": {"host": "HEADLESS", "trafficPolicy": dict(traffic)},
    }


def inbound_tls(change: Mapping[str, Any]) -> Doc:
    """Return an EnvoyFilter that merges something into the TLS context of the subject's inbound chains."""
    context = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        **change,
    }
    return envoy_filter(
        {
            "applyTo": "FILTER_CHAIN",
            # Those of plaintext have no certificate: Envoy refuses the whole listener.
            "match": {
                "context": "SIDECAR_INBOUND",
                "listener": {"name": "virtualInbound", "filterChain": {"transportProtocol": "tls"}},
            },
            "patch": {
                "operation": "MERGE",
                "value": {"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context}},
            },
        }
    )


@contextlib.contextmanager
def minimum_tls(bench: Bench) -> Iterator[None]:
    """Take away the mesh's minimum: istiod's own is TLS 1.2 (istio 1.31.0, pilot/pkg/security/authn/utils/utils.go)."""

    def lowered(config: Doc) -> Doc:
        mesh = yaml.safe_load(config["data"]["mesh"])
        del mesh["meshMTLS"]["minProtocolVersion"]
        config["data"]["mesh"] = yaml.safe_dump(mesh)
        return config

    with replaced(bench, "configmap", "istio", istio.NAMESPACE, lowered):
        yield


# A VirtualService for a gateway that is not there is given to no sidecar: it is wrong, and harms nothing.
INVALID: Doc = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": OWN},
    "spec": {
        "hosts": ["raymesh-fault.invalid"],
        "gateways": [OWN],
        "http": [{"route": [{"destination": {"host": "HEADLESS"}}]}],
    },
}
FAULTS = (
    Fault("policy-permissive", "PERMISSIVE in the namespace", peer_authentication("PERMISSIVE"), LAX, cuts=True),
    Fault(
        "policy-disable",
        "mTLS DISABLEd in the namespace",
        peer_authentication("DISABLE"),
        LAX | NO_TLS | NO_IDENTITY | READABLE,
        ON_THE_WIRE,
        cuts=True,
    ),
    Fault("policy-none", "no PeerAuthentication", without("peerauthentication", "default"), LAX, cuts=True),
    Fault(
        "policy-workload-permissive",
        "PERMISSIVE for the Ray pods, STRICT in the namespace",
        made(peer("PERMISSIVE", {"ray.io/cluster": "CLUSTER"})),
        LAX - {KIALI_TLS},
        cuts=True,
    ),
    Fault(
        "policy-head-permissive",
        "PERMISSIVE for the head alone",
        made(peer("PERMISSIVE", {"ray.io/cluster": "CLUSTER", "ray.io/node-type": "head"})),
        LAX - {KIALI_TLS},
        cuts=True,
    ),
    Fault(
        "policy-port-permissive",
        "PERMISSIVE at one port of the head",
        made(peer("STRICT", {"ray.io/cluster": "CLUSTER", "ray.io/node-type": "head"}, {8265: "PERMISSIVE"})),
        frozenset({PLAINTEXT_REFUSED, CHAINS, NOTHING_ELSE}),
        cuts=True,
    ),
    Fault(
        "policy-port-disable",
        "mTLS DISABLEd at one port of the worker",
        made(peer("STRICT", {"ray.io/cluster": "CLUSTER", "ray.io/node-type": "worker"}, {52365: "DISABLE"})),
        (LAX - {KIALI_TLS}) | NO_TLS | {INSIDER_SERVED, WORKED, HTTP_AGENT, CROSSED} | READABLE,
        ON_THE_WIRE,
        cuts=True,
    ),
    Fault(
        "policy-rule-port",
        "a DestinationRule that sends plaintext to one port",
        made(destination_rule({"portLevelSettings": [{"port": {"number": 52365}, "tls": {"mode": "DISABLE"}}]})),
        frozenset({OUTBOUND, WORKED, KIALI_EDGES, INSIDER_SERVED, HTTP_AGENT, CROSSED}) | READABLE,
        ON_THE_WIRE,
        cuts=True,
    ),
    Fault(
        "policy-minimum",
        "TLS 1.2 is enough in the mesh",
        minimum_tls,
        frozenset({CHAINS, KIALI_TLS, TLS12_REFUSED, HANDSHAKES}),
        cuts=True,
    ),
    Fault(
        "policy-untrusted",
        "sidecars that take any certificate",
        made(
            inbound_tls(
                {
                    "common_tls_context": {
                        "combined_validation_context": {
                            "default_validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"}
                        }
                    }
                }
            )
        ),
        frozenset({TRUST, SELF_SIGNED_REFUSED, FOREIGN_REFUSED}),
        cuts=True,
    ),
    Fault("policy-invalid", "an Istio object that is in error", made(INVALID), frozenset({KIALI_VALID})),
)
