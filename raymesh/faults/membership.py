"""Faults of membership: pods of Ray that are not whole in the mesh, or are not Ray's at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from raymesh import deadlines
from raymesh.faults.breaking import OWN, account, in_namespace, joined, joiner, made, one_worker, pods, replaced
from raymesh.faults.fault import Break, Fault
from raymesh.faults.policy import destination_rule, peer
from raymesh.manifests.patching import Doc, patched
from raymesh.proof.bench import Bench
from raymesh.proof.listening import ON_THE_WIRE
from raymesh.subject import head_of
from raymesh.verdicts.catalog import (
    ALL_TRIED,
    ASKED,
    BEARER_SERVED,
    BYPASS,
    CALLS_SUCCEED,
    CHAINS,
    COUNTED,
    CROSSED,
    DECLARED,
    EVERY_CALL,
    FOREIGN_REFUSED,
    GRPC_NODE_MANAGER,
    GRPC_OBJECT_MANAGER,
    GRPC_WORKERS,
    HANDSHAKES,
    HTTP_AGENT,
    INSIDER_SERVED,
    INTERCEPTED,
    KIALI_EDGES,
    KIALI_ERRORS,
    KIALI_MTLS,
    KIALI_RATE,
    KIALI_SIDECARS,
    KNOWN,
    LISTENING,
    MUTUAL_GROWS,
    NO_CERTIFICATE_REFUSED,
    NO_INIT,
    NO_RESTART,
    NOTHING_ELSE,
    OUTBOUND,
    PLAINTEXT_REFUSED,
    RAY_TLS_OFF,
    READY,
    REGISTERED,
    SCRAPED,
    SELF_SIGNED_REFUSED,
    SIDECARS,
    TLS12_REFUSED,
    TRUST,
    UDP,
    VERSIONS,
    WIRE_SEEN,
    WORKED,
)
from raymesh.verdicts.traces import NODE_MANAGER
from raymesh.witness.endpoints import SERVICE_LABEL
from raymesh.witness.holders import SIDECAR_UID

OUT_OF_MESH = {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}}


def annotated(key: str, value: str) -> Mapping[str, Any]:
    """Return what gives a pod an annotation."""
    return {"metadata": {"annotations": {key: value}}}


def sidecar_setting(config: str) -> Mapping[str, Any]:
    """Return what gives one pod's sidecar a ProxyConfig of its own."""
    return annotated("proxy.istio.io/config", config)


def with_init(bench: Bench) -> contextlib.AbstractContextManager[None]:
    """Let a Ray pod wait for the GCS in an init container, which has no sidecar yet."""
    pod = joiner(bench)
    image = pod["spec"]["containers"][0]["image"]
    waits = {"name": "wait-gcs-ready", "image": image, "command": ["sleep", "infinity"]}
    return pods(bench, [patched(pod, {"spec": {"initContainers": [waits]}})])


def with_ray_tls(bench: Bench) -> contextlib.AbstractContextManager[None]:
    """Let a Ray pod get RAY_USE_TLS from a ConfigMap, where its definition does not show the value."""
    pod = joiner(bench)
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": OWN, "namespace": bench.subject.namespace},
        "data": {"RAY_USE_TLS": "1"},
    }
    [container] = pod["spec"]["containers"]
    # It would not join with TLS of its own; what is judged is the environment of what runs.
    quiet = {**container, "command": ["sleep", "infinity"], "envFrom": [{"configMapRef": {"name": OWN}}]}
    return pods(bench, [settings, patched(pod, {"spec": {"containers": [quiet]}})])


def idle(changes: Mapping[str, Any]) -> Break:
    """Have a pod that is labelled as Ray's and does not run it."""

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        pod = joiner(bench)
        [container] = pod["spec"]["containers"]
        stopped = {"spec": {"containers": [{**container, "command": ["sleep", "infinity"]}]}}
        with pods(bench, [patched(patched(pod, stopped), dict(changes))]):
            yield

    return broken


# Who runs as the sidecar's own user is not led through it: so Istio keeps Envoy from itself.
DIAL = """
import socket, sys, threading
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
threading.Event().wait()
"""


@contextlib.contextmanager
def past_the_sidecar(bench: Bench) -> Iterator[None]:
    """Let a pod that is labelled as Ray's call the head as the sidecar's user, and so past its sidecar."""
    head = head_of(bench.members())
    port = next(one.number for one in bench.subject.contract.headless_ports() if one.name == NODE_MANAGER)
    pod = joiner(bench)
    [container] = pod["spec"]["containers"]
    dials = {
        **container,
        "command": ["python", "-c", DIAL, head.ip, str(port)],
        "securityContext": {"runAsUser": SIDECAR_UID},
    }
    with pods(bench, [patched(pod, {"spec": {"containers": [dials]}})]):
        yield


@contextlib.contextmanager
def another_account(bench: Bench) -> Iterator[None]:
    """Have a pod that is labelled as Ray's, and runs as a service account that is not."""
    pod = joiner(bench, {"spec": {"serviceAccountName": OWN}})
    [container] = pod["spec"]["containers"]
    stopped = {"spec": {"containers": [{**container, "command": ["sleep", "infinity"]}]}}
    with pods(bench, [account(bench), patched(pod, stopped)]):
        yield


@contextlib.contextmanager
def foreign_endpoint(bench: Bench) -> Iterator[None]:
    """Put a pod without a sidecar behind the headless Service that is no node of Ray's.

    With a DestinationRule that asks for mTLS all the same: otherwise all pods of that Service would be called in
    plaintext, and the worker end again and again.
    """
    pod = joiner(bench)
    [container] = pod["spec"]["containers"]
    labels = {key: value for key, value in pod["metadata"]["labels"].items() if not key.startswith("ray.io/node")}
    pod["metadata"]["labels"] = {**labels, "sidecar.istio.io/inject": "false"}
    stopped = {"spec": {"containers": [{**container, "command": ["sleep", "infinity"]}]}}
    rule = in_namespace(destination_rule({"tls": {"mode": "ISTIO_MUTUAL"}}), bench)
    with pods(bench, [rule, patched(pod, stopped)]):
        yield


@contextlib.contextmanager
def bare_endpoint(bench: Bench) -> Iterator[None]:
    """Write an address behind the headless Service that no pod has (RFC 5737: it leads nowhere), as anybody may."""
    endpoint = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": OWN, "labels": {SERVICE_LABEL: bench.subject.headless_service}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"]}],
        "ports": [{"name": "node-manager-port", "port": 6380, "protocol": "TCP"}],
    }
    with made(destination_rule({"tls": {"mode": "ISTIO_MUTUAL"}}), endpoint)(bench):
        yield


@contextlib.contextmanager
def worker_gone(bench: Bench) -> Iterator[None]:
    """Let the operator take a worker away that is still wanted, and have it back."""
    subject = bench.subject
    kube, namespace, within = bench.kube, subject.namespace, deadlines.READY

    def fewer(doc: Doc) -> Doc:
        [group] = [group for group in doc["spec"]["workerGroupSpecs"] if group["groupName"] == one.group]
        group["replicas"] = group["minReplicas"] = subject.groups[one.group] - 1
        return doc

    one = one_worker(bench)
    try:
        with replaced(bench, "raycluster", subject.name, namespace, fewer):
            kube.wait_ready(namespace, subject.selector, count=subject.size - 1, within=within)
            yield
    finally:
        kube.wait_ready(namespace, subject.selector, count=subject.size, within=within)


# A pod that is labelled as Ray's and shows nothing is red for whoever wants a word of each Ray pod.
SILENT_POD = frozenset(
    {
        COUNTED, REGISTERED, MUTUAL_GROWS, NOTHING_ELSE, CALLS_SUCCEED, HANDSHAKES,
        PLAINTEXT_REFUSED, TLS12_REFUSED, NO_CERTIFICATE_REFUSED, SELF_SIGNED_REFUSED, FOREIGN_REFUSED, BEARER_SERVED,
        INSIDER_SERVED, ALL_TRIED, LISTENING, KNOWN, EVERY_CALL, WORKED,
    }
)  # fmt: skip
# One that joined and was given no work. Its pod is not KubeRay's: it is a workload of its own, whose connection to the
# GCS Kiali knows from its own side alone, where Istio does not say how it was secured.
IDLE_NODE = frozenset({COUNTED, MUTUAL_GROWS, EVERY_CALL, WORKED, KIALI_EDGES})
# istiod gives a headless Service one cluster for all its pods: one of them without a sidecar, and all are called in
# plaintext, which the others refuse. Ray's worker ends within 20 s.
NO_MORE_MTLS = frozenset(
    {
        READY, REGISTERED, RAY_TLS_OFF, KIALI_RATE, KIALI_MTLS, KIALI_EDGES, KIALI_ERRORS, ASKED, OUTBOUND,
        PLAINTEXT_REFUSED, TLS12_REFUSED, NO_CERTIFICATE_REFUSED, SELF_SIGNED_REFUSED, FOREIGN_REFUSED, BEARER_SERVED,
        INSIDER_SERVED, ALL_TRIED, LISTENING, UDP, BYPASS, CROSSED, DECLARED,
        GRPC_NODE_MANAGER, GRPC_OBJECT_MANAGER, GRPC_WORKERS, HTTP_AGENT, EVERY_CALL, WORKED,
    }
)  # fmt: skip
NO_WORKER = frozenset(
    {
        COUNTED, KIALI_SIDECARS, KIALI_RATE, KIALI_MTLS, KIALI_ERRORS, CROSSED, DECLARED,
        GRPC_NODE_MANAGER, GRPC_OBJECT_MANAGER, GRPC_WORKERS, HTTP_AGENT, EVERY_CALL, WORKED,
    }
)  # fmt: skip
FAULTS = (
    Fault(
        "membership-inbound-excluded",
        "a Ray pod with a port kept from its sidecar, inbound",
        idle(annotated("traffic.sidecar.istio.io/excludeInboundPorts", "6381")),
        SILENT_POD | {INTERCEPTED},
    ),
    Fault(
        "membership-outbound-excluded",
        "a Ray pod with a port kept from its sidecar, outbound",
        idle(annotated("traffic.sidecar.istio.io/excludeOutboundPorts", "6381")),
        SILENT_POD | {INTERCEPTED},
    ),
    Fault(
        "membership-ranges-excluded",
        "a Ray pod whose calls to other pods are kept from its sidecar",
        idle(annotated("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.0.0.0/8")),
        SILENT_POD | {INTERCEPTED},
    ),
    Fault(
        "membership-interception-none",
        "a Ray pod with interception mode NONE",
        idle(annotated("sidecar.istio.io/interceptionMode", "NONE")),
        (SILENT_POD - {HANDSHAKES}) | {INTERCEPTED, READY, ASKED, BYPASS},
    ),
    Fault(
        "membership-past-the-sidecar",
        "a Ray pod with a connection past its sidecar",
        past_the_sidecar,
        SILENT_POD | {BYPASS},
    ),
    Fault(
        "membership-other-version",
        "a Ray pod whose sidecar is of another version",
        idle(sidecar_setting("proxyMetadata: {ISTIO_META_ISTIO_VERSION: 1.99.0}")),
        SILENT_POD | {VERSIONS},
    ),
    Fault("membership-ray-tls", "Ray's own TLS, turned on from a ConfigMap", with_ray_tls, SILENT_POD | {RAY_TLS_OFF}),
    Fault(
        "membership-init-container",
        "a Ray pod that waits in an init container",
        with_init,
        (SILENT_POD - {HANDSHAKES}) | {NO_INIT, READY, RAY_TLS_OFF, NO_RESTART, SCRAPED, ASKED, UDP, BYPASS, WIRE_SEEN},
        ON_THE_WIRE,
    ),
    Fault(
        "membership-account",
        "a Ray pod that runs as another service account",
        another_account,
        SILENT_POD | {TRUST},
    ),
    Fault("membership-second-worker", "a second worker that nobody asked for", joined(), IDLE_NODE),
    Fault(
        "membership-raw-address",
        "a Ray node that goes by its bare address, and takes plaintext",
        # What is sent to a bare address is plaintext to the sidecars. Where STRICT refuses it, Ray gives the node up
        # within half a minute (2.10.0, seen).
        joined({}, peer("PERMISSIVE", {OWN: "pod"}), address="$(hostname -i)"),
        IDLE_NODE | {REGISTERED, PLAINTEXT_REFUSED, CHAINS, NOTHING_ELSE},
    ),
    Fault(
        "membership-no-handshakes",
        "a sidecar that does not count its handshakes",
        joined(sidecar_setting("proxyStatsMatcher: {inclusionPrefixes: [cluster.none]}")),
        IDLE_NODE | {HANDSHAKES},
    ),
    Fault("membership-worker-gone", "a worker is gone", worker_gone, NO_WORKER, cuts=True),
    Fault(
        "membership-no-sidecar",
        "a Ray pod without a sidecar",
        idle(OUT_OF_MESH),
        (NO_MORE_MTLS - {KIALI_MTLS, DECLARED})
        | {COUNTED, SIDECARS, SCRAPED, MUTUAL_GROWS, NOTHING_ELSE, CALLS_SUCCEED, KNOWN, NO_RESTART},
        cuts=True,
    ),
    Fault(
        "membership-host-network",
        "a Ray pod on the host's network",
        idle({"spec": {"hostNetwork": True}}),
        NO_MORE_MTLS
        | {COUNTED, SIDECARS, INTERCEPTED, SCRAPED, MUTUAL_GROWS, NOTHING_ELSE, CALLS_SUCCEED, KNOWN, NO_RESTART},
        cuts=True,
    ),
    Fault(
        "membership-foreign-endpoint",
        "a pod without a sidecar behind the headless Service",
        foreign_endpoint,
        frozenset({COUNTED}),
        cuts=True,
    ),
    Fault(
        "membership-bare-endpoint",
        "an address that is no pod's behind the headless Service",
        bare_endpoint,
        frozenset({COUNTED}),
        cuts=True,
    ),
)
