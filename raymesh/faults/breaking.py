"""How faults break and mend: objects applied over others, programs started in pods, pods that join Ray."""

from __future__ import annotations

import contextlib
import copy
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raymesh import deadlines
from raymesh.errors import CommandError
from raymesh.faults.fault import Break
from raymesh.manifests.patching import Doc, patched
from raymesh.mesh import istio
from raymesh.proof.bench import Bench
from raymesh.subject import CLUSTER_LABEL, GROUP_LABEL, TYPE_LABEL, RayPod, by_role
from raymesh.traffic import TrafficFailed
from raymesh.waiting import wait_for

OWN = "raymesh-fault"  # name of what a fault makes, and label of its pods


def made(*docs: Doc) -> Break:
    """Apply objects that are not there before, and delete them; in the subject's namespace unless they name another."""

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        placed = [in_namespace(doc, bench) for doc in docs]
        try:
            bench.kube.apply(placed)
            yield
        finally:
            bench.kube.delete(placed)

    return broken


def in_namespace(doc: Doc, bench: Bench) -> Doc:
    """Return a document with the subject's own names in place of NAMESPACE, HEADLESS and CLUSTER."""
    subject = bench.subject
    names = {"NAMESPACE": subject.namespace, "HEADLESS": subject.headless_host, "CLUSTER": subject.name}

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            for key, name in names.items():
                value = value.replace(key, name)
            return value
        if isinstance(value, dict):
            return {filled(key): filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    found: Doc = filled(copy.deepcopy(doc))
    found["metadata"].setdefault("namespace", subject.namespace)
    return found


def envoy_filter(*patches: Mapping[str, Any]) -> Doc:
    """Return an EnvoyFilter for the sidecars of the subject's Ray pods."""
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": OWN},
        "spec": {
            "workloadSelector": {"labels": {"ray.io/cluster": "CLUSTER"}},
            "configPatches": [dict(patch) for patch in patches],
        },
    }


def changed(kind: str, name: str, change: Mapping[str, Any], *, namespace: str = "NAMESPACE") -> Break:
    """Merge a change into an object that is there, and put back the fields that it had.

    `name` and `namespace` may have the placeholders of `in_namespace`.
    """

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        place = in_namespace({"metadata": {"name": name, "namespace": namespace}}, bench)["metadata"]
        with replaced(bench, kind, place["name"], place["namespace"], lambda doc: patched(doc, dict(change))):
            yield

    return broken


@contextlib.contextmanager
def replaced(bench: Bench, kind: str, name: str, namespace: str, change: Any) -> Iterator[Doc]:
    """Replace an object by what `change` makes of it, and then by itself. Yields it as it was."""
    before = read(bench, kind, name, namespace)
    try:
        replace(bench, change(copy.deepcopy(before)))
        yield before
    finally:
        replace(bench, before)


def read(bench: Bench, kind: str, name: str, namespace: str) -> Doc:
    """Return an object as it is, without what the API server alone writes."""
    found: Doc = json.loads(bench.kube.kubectl("get", kind, name, "-n", namespace, "-o", "json").stdout)
    for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
        found["metadata"].pop(key, None)
    found.pop("status", None)
    return found


def replace(bench: Bench, doc: Doc) -> None:
    """Put an object in the place of the one of its name, whole; it is made where it is gone."""
    text = json.dumps(doc)
    try:
        bench.kube.kubectl("replace", "-f", "-", stdin=text)
    except CommandError as error:
        if "NotFound" not in str(error):
            raise
        bench.kube.kubectl("create", "-f", "-", stdin=text)


def peer_authentication(mode: str) -> Break:
    """Give the namespace's own PeerAuthentication another mode."""

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        namespace = bench.subject.namespace
        try:
            bench.kube.apply([istio.peer_authentication(namespace, mode)])
            yield
        finally:
            bench.kube.apply([istio.peer_authentication(namespace)])

    return broken


def without(kind: str, name: str, *, namespace: str = "NAMESPACE") -> Break:
    """Delete an object, and make it again as it was."""

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        place = in_namespace({"metadata": {"name": name, "namespace": namespace}}, bench)["metadata"]
        before = read(bench, kind, place["name"], place["namespace"])
        try:
            bench.kube.kubectl("delete", kind, place["name"], "-n", place["namespace"], "--wait")
            yield
        finally:
            replace(bench, before)

    return broken


def one_worker(bench: Bench) -> RayPod:
    """Return a worker: the one on whom a fault of one pod falls."""
    return by_role(bench.members())["worker"][0]


@contextlib.contextmanager
def program(bench: Bench, pod: str, container: str, code: str, *words: str) -> Iterator[str]:
    """Run a Python program in a container until the end; yields its first line, and it ends with its standard input."""
    talk = bench.kube.talk(
        pod, ["python", "-c", code, *words], container=container, namespace=bench.subject.namespace, mark=PROGRAM_MARK
    )
    with talk as ask:
        yield ask(deadlines.SHORT).removeprefix(PROGRAM_MARK).strip()


PROGRAM_MARK = "raymesh-fault "
# Waits for the line that asks, answers, and goes on until standard input ends.
SKELETON = """
import socket, sys, threading
sys.stdin.readline()
{body}
print({mark!r} + str(answer), flush=True)
sys.stdin.read()
"""


def code(body: str) -> str:
    """Return a program for `program` whose body sets `answer`."""
    return SKELETON.format(body=body, mark=PROGRAM_MARK)


def account(bench: Bench) -> Doc:
    """Return a service account of the fault's own."""
    return in_namespace({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": OWN}}, bench)


def joiner(bench: Bench, changes: Mapping[str, Any] | None = None, *, address: str = "") -> Doc:
    """Return a pod that joins Ray as a worker of a group that KubeRay does not know, so that it leaves it alone.

    It is like a worker of the subject but for `changes`. `address` is a shell word for the name by which it registers.
    No two have the same name: what is remembered of one would be held against the next.
    """
    worker = one_worker(bench)
    image = next(c.image for c in worker.pod.containers if c.name == worker.container)
    subject = bench.subject
    params = subject.contract.ray_start_params("worker")
    dashed = f"$(hostname -I | tr -d ' ' | sed 's/[.]/-/g').{subject.headless_host}"
    flags = {"address": f"{subject.head_host}:6379", **params, "node-ip-address": address or dashed, "num-cpus": "1"}
    command = "ulimit -n 65536; ray start --block " + " ".join(f"--{key}={value}" for key, value in flags.items())
    pod: Doc = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{OWN}-{secrets.token_hex(3)}",
            "namespace": subject.namespace,
            "labels": {
                **{key: value for key, value in worker.pod.labels.items() if key == "app"},
                OWN: "pod",
                CLUSTER_LABEL: subject.name,
                TYPE_LABEL: "worker",
                GROUP_LABEL: OWN,
            },
        },
        "spec": {
            "serviceAccountName": worker.pod.service_account,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": worker.container, "image": image, "command": ["sh", "-c", command]}],
        },
    }
    return patched(pod, dict(changes or {}))


def joined(changes: Mapping[str, Any] | None = None, *docs: Doc, address: str = "") -> Break:
    """Let one more worker join Ray, unlike the others in `changes`, and let Ray forget it in the end.

    `docs` are there as long as it is, in the subject's namespace.
    """

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        try:
            made = [in_namespace(doc, bench) for doc in docs]
            with pods(bench, [*made, joiner(bench, changes, address=address)]):
                yield
        finally:
            wait_for(  # until then Ray calls it, and there is nobody at the other end
                "Ray takes the node that left for dead",
                lambda: sum(bench.work().alive.values()),
                until=lambda alive: alive == bench.subject.size,
                within=deadlines.READY,
                transient=(TrafficFailed,),
            )

    return broken


@contextlib.contextmanager
def pods(bench: Bench, docs: Sequence[Doc]) -> Iterator[None]:
    """Have pods until the end, and wait until their containers have started."""
    try:
        bench.kube.apply(docs)
        for doc in docs:
            if doc["kind"] == "Pod":
                _wait_started(bench, doc)
        yield
    finally:
        bench.kube.delete(docs)


def _wait_started(bench: Bench, doc: Doc) -> None:
    name, namespace = doc["metadata"]["name"], doc["metadata"]["namespace"]
    words = ("get", "pod", name, "-n", namespace, "-o", "jsonpath={.status.phase} {.status.podIP}")
    wait_for(
        f"pod {name} has an address",
        lambda: bench.kube.kubectl(*words).stdout.split(),  # noqa: PLW0108 - asks anew each time
        until=lambda said: len(said) == 2,  # noqa: PLR2004 - phase and address
        within=deadlines.SHORT,
        every=0.5,
    )
