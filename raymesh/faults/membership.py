"""Faults of membership: pods of Ray that are not whole in the mesh, or are not Ray's at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from raymesh import deadlines
from raymesh.faults.breaking import OWN, joined, joiner, one_worker, pods
from raymesh.faults.fault import Break, Fault
from raymesh.manifests.patching import patched
from raymesh.mesh.kuberay import NAMESPACE as OPERATOR_NAMESPACE
from raymesh.proof.bench import Bench
from raymesh.subject import head_of
from raymesh.verdicts.catalog import (
    ASKED,
    BYPASS,
    COUNTED,
    HANDSHAKES,
    INTERCEPTED,
    KIALI_SIDECARS,
    NO_INIT,
    RAY_TLS_OFF,
    READY,
    REGISTERED,
    SCRAPED,
    SIDECARS,
    VERSIONS,
    WORKED,
)
from raymesh.verdicts.traces import NODE_MANAGER
from raymesh.witness.holders import SIDECAR_UID

OUT_OF_MESH = {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}}


def sidecar_setting(config: str) -> Mapping[str, Any]:
    """Return what gives one pod's sidecar a ProxyConfig of its own."""
    return {"metadata": {"annotations": {"proxy.istio.io/config": config}}}


def with_init(bench: Bench) -> contextlib.AbstractContextManager[None]:
    """Let a Ray pod wait for the GCS in an init container, which has no sidecar yet."""
    pod = joiner(bench, OWN)
    image = pod["spec"]["containers"][0]["image"]
    waits = {"name": "wait-gcs-ready", "image": image, "command": ["sleep", "infinity"]}
    return pods(bench, [patched(pod, {"spec": {"initContainers": [waits]}})])


def with_ray_tls(bench: Bench) -> contextlib.AbstractContextManager[None]:
    """Let a Ray pod get RAY_USE_TLS from a ConfigMap, where its definition does not show the value."""
    pod = joiner(bench, OWN)
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
        pod = joiner(bench, OWN)
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
    pod = joiner(bench, OWN)
    [container] = pod["spec"]["containers"]
    dials = {
        **container,
        "command": ["python", "-c", DIAL, head.ip, str(port)],
        "securityContext": {"runAsUser": SIDECAR_UID},
    }
    with pods(bench, [patched(pod, {"spec": {"containers": [dials]}})]):
        yield


@contextlib.contextmanager
def foreign_endpoint(bench: Bench) -> Iterator[None]:
    """Put a pod without a sidecar behind the headless Service that is no node of Ray's."""
    pod = joiner(bench, OWN)
    [container] = pod["spec"]["containers"]
    labels = {key: value for key, value in pod["metadata"]["labels"].items() if not key.startswith("ray.io/node")}
    pod["metadata"]["labels"] = {**labels, "sidecar.istio.io/inject": "false"}
    stopped = {"spec": {"containers": [{**container, "command": ["sleep", "infinity"]}]}}
    with pods(bench, [patched(pod, stopped)]):
        yield


@contextlib.contextmanager
def worker_gone(bench: Bench) -> Iterator[None]:
    """Take a worker away while the operator sleeps, and have it back."""
    one = one_worker(bench)
    kube, within = bench.kube, deadlines.READY

    def operator(replicas: int) -> None:
        kube.kubectl("scale", "deployment", "--all", "-n", OPERATOR_NAMESPACE, f"--replicas={replicas}")

    try:
        operator(0)
        kube.wait_gone(OPERATOR_NAMESPACE, "app.kubernetes.io/name=kuberay", within=within)
        kube.kubectl("delete", "pod", one.name, "-n", bench.subject.namespace, "--grace-period=1")
        yield
    finally:
        operator(1)
        kube.wait_ready(bench.subject.namespace, bench.subject.selector, count=bench.subject.size, within=within)
        kube.wait_ready(OPERATOR_NAMESPACE, "app.kubernetes.io/name=kuberay", count=1, within=within)


MORE = frozenset({COUNTED, REGISTERED, KIALI_SIDECARS, WORKED})
FAULTS = (
    Fault(
        "membership-no-sidecar", "a Ray pod without a sidecar", joined(OUT_OF_MESH), MORE | {SIDECARS, ASKED, SCRAPED}
    ),
    Fault(
        "membership-inbound-excluded",
        "a Ray pod with a port kept from its sidecar, inbound",
        joined({"metadata": {"annotations": {"traffic.sidecar.istio.io/excludeInboundPorts": "6381"}}}),
        MORE | {INTERCEPTED},
    ),
    Fault(
        "membership-outbound-excluded",
        "a Ray pod with a port kept from its sidecar, outbound",
        joined({"metadata": {"annotations": {"traffic.sidecar.istio.io/excludeOutboundPorts": "6381"}}}),
        MORE | {INTERCEPTED},
    ),
    Fault(
        "membership-ranges-excluded",
        "a Ray pod whose calls to other pods are kept from its sidecar",
        joined({"metadata": {"annotations": {"traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.0.0.0/8"}}}),
        MORE | {INTERCEPTED},
    ),
    Fault(
        "membership-interception-none",
        "a Ray pod with interception mode NONE",
        joined({"metadata": {"annotations": {"sidecar.istio.io/interceptionMode": "NONE"}}}),
        MORE | {INTERCEPTED},
    ),
    Fault(
        "membership-host-network",
        "a Ray pod on the host's network",
        idle({"spec": {"hostNetwork": True}}),
        MORE | {INTERCEPTED, SIDECARS},
    ),
    Fault(
        "membership-raw-address",
        "a Ray node that goes by its bare address",
        joined(address="$(hostname -i)"),
        MORE,
    ),
    Fault(
        "membership-foreign-endpoint",
        "a pod without a sidecar behind the headless Service",
        foreign_endpoint,
        frozenset({COUNTED}),
    ),
    Fault(
        "membership-past-the-sidecar",
        "a Ray pod with a connection past its sidecar",
        past_the_sidecar,
        MORE | {BYPASS},
    ),
    Fault(
        "membership-other-version",
        "a Ray pod whose sidecar is of another version",
        idle(sidecar_setting("proxyMetadata: {ISTIO_META_ISTIO_VERSION: 1.99.0}")),
        MORE | {VERSIONS},
    ),
    Fault("membership-second-worker", "a second worker that nobody asked for", joined(), MORE),
    Fault("membership-worker-gone", "a worker is gone", worker_gone, MORE, cuts=True),
    Fault("membership-init-container", "a Ray pod that waits in an init container", with_init, MORE | {NO_INIT, READY}),
    Fault("membership-ray-tls", "Ray's own TLS, turned on from a ConfigMap", with_ray_tls, MORE | {RAY_TLS_OFF}),
    Fault(
        "membership-no-handshakes",
        "a sidecar that does not count its handshakes",
        joined(sidecar_setting("proxyStatsMatcher: {inclusionPrefixes: [cluster.none]}")),
        MORE | {HANDSHAKES},
    ),
)
