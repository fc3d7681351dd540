"""Faults of identity: who calls, and by which name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from raymesh import deadlines
from raymesh.faults.breaking import OWN, account, code, joiner, made, one_worker, pods, program
from raymesh.faults.fault import Fault
from raymesh.manifests.patching import Doc, patched
from raymesh.proof.bench import Bench
from raymesh.subject import head_of
from raymesh.verdicts.catalog import (
    BEARER_SERVED,
    CALLERS,
    CALLS_SUCCEED,
    INSIDER_SERVED,
    KIALI_EDGES,
    KIALI_ERRORS,
    KIALI_IDENTITIES,
    KIALI_LEAKS,
    PEERS,
    WORKED,
)

# Calls that no server has, one after the other, in Ray's own gRPC; and calls by HTTP.
CALL_GRPC = """
import grpc
channel = grpc.insecure_channel(sys.argv[1])
def call():
    while True:
        try:
            channel.unary_unary("/raymesh.Fault/Call")(b"", timeout=5)
        except grpc.RpcError:
            pass
        threading.Event().wait(float(sys.argv[2]))
threading.Thread(target=call, daemon=True).start()
answer = "calling"
"""


def authorization(action: str, ports: Sequence[int], **more: Any) -> Doc:
    """Return an AuthorizationPolicy for the Ray pods."""
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": OWN},
        "spec": {
            "selector": {"matchLabels": {"ray.io/cluster": "CLUSTER"}},
            "action": action,
            "rules": [{"to": [{"operation": {"ports": [str(port) for port in ports]}}], **more}],
        },
    }


@contextlib.contextmanager
def stranger_calls(bench: Bench) -> Iterator[None]:
    """Let a pod of the mesh that nobody named call Ray."""
    pod = joiner(bench, {"spec": {"serviceAccountName": OWN}})
    [container] = pod["spec"]["containers"]
    pod["metadata"]["labels"] = {OWN: "pod", "app": OWN}
    pod = patched(pod, {"spec": {"containers": [{**container, "command": ["sleep", "infinity"]}]}})
    with pods(bench, [account(bench), pod]):
        bench.kube.wait_ready(bench.subject.namespace, f"app={OWN}", count=1, within=deadlines.READY)
        target = f"{head_of(bench.members()).host}:6380"
        with program(bench, pod["metadata"]["name"], container["name"], code(CALL_GRPC), target, "0.1"):
            yield


@contextlib.contextmanager
def calls_fail(bench: Bench) -> Iterator[None]:
    """Let Ray's own pods make calls that fail, more than succeed."""
    worker, head = one_worker(bench), head_of(bench.members())
    with (
        program(bench, worker.name, worker.container, code(CALL_GRPC), f"{head.host}:6380", "0.001"),
        program(bench, head.name, head.container, code(CALL_GRPC), f"{worker.host}:6380", "0.001"),
    ):
        yield


LISTEN = """
import socket
server = socket.create_server(("0.0.0.0", 8000))
while True:
    taken, _ = server.accept()
    while taken.recv(65536):
        pass
"""
# One connection that lasts: Kiali draws TCP by bytes that grow on it.
SEND = """
def send():
    connection = socket.create_connection((sys.argv[1], 8000))
    while True:
        connection.sendall(b"raymesh " * 100)
        threading.Event().wait(0.5)
threading.Thread(target=send, daemon=True).start()
answer = "sending"
"""


@contextlib.contextmanager
def leaks(bench: Bench) -> Iterator[None]:
    """Let a Ray pod talk to a pod outside the mesh, at an address that the mesh does not know."""
    worker = one_worker(bench)
    pod = joiner(bench, {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}})
    [container] = pod["spec"]["containers"]
    pod["metadata"]["labels"] = {OWN: "pod", "app": OWN, "sidecar.istio.io/inject": "false"}
    pod = patched(pod, {"spec": {"containers": [{**container, "command": ["python", "-c", LISTEN]}]}})
    kube, namespace = bench.kube, bench.subject.namespace
    with pods(bench, [pod]):
        kube.wait_ready(namespace, f"app={OWN}", count=1, within=deadlines.READY)
        [outside] = [one for one in bench.pods(namespace) if one.name == pod["metadata"]["name"]]
        with program(bench, worker.name, worker.container, code(SEND), outside.ip):
            yield


FAULTS = (
    Fault(
        "identity-stranger",
        "a pod of the mesh that nobody named calls Ray",
        stranger_calls,
        frozenset({CALLERS, KIALI_IDENTITIES, PEERS}),
    ),
    Fault(
        "identity-leak",
        "a worker talks to an address that the mesh does not know",
        leaks,
        frozenset({KIALI_LEAKS, KIALI_EDGES}),
    ),
    Fault(
        "identity-denied-port",
        "an AuthorizationPolicy that denies one port",
        made(authorization("DENY", [52365])),
        frozenset({WORKED, INSIDER_SERVED}),
    ),
    Fault(
        "identity-denied-dashboard",
        "an AuthorizationPolicy that denies the dashboard",
        made(authorization("DENY", [8265])),
        frozenset({INSIDER_SERVED, BEARER_SERVED}),
    ),
    Fault(
        "identity-calls-fail",
        "most of the calls between the nodes fail",
        calls_fail,
        frozenset({CALLS_SUCCEED, KIALI_ERRORS}),
    ),
)
