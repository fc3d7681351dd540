"""The look at the wire: packets are listened to on every node while Ray works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from raymesh import deadlines
from raymesh.deadlines import scaled
from raymesh.ports.contract import GCS
from raymesh.proof.bench import Bench
from raymesh.subject import RayPod, by_role
from raymesh.traffic import TrafficFailed
from raymesh.verdicts.finding import Findings
from raymesh.verdicts.wire import encrypted_on_the_wire
from raymesh.witness.wire import together

LISTENED_SECONDS = 12.0
# The sidecars keep theirs for calls to come, so that Ray's work begins no new connection. One of TCP is its own: it is
# held until the GCS has said its first word.
CALL = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as connection:
    connection.recv(1)
"""


def wire(bench: Bench) -> Findings:
    """Judge what goes from Ray pod to Ray pod for some seconds. Raises CommandError, Unreadable.

    Nothing where nobody may listen.
    """
    listeners = bench.witnesses.wire
    if listeners is None:
        return ()
    members = bench.members()
    addresses = [one.ip for one in members]
    seconds = scaled(LISTENED_SECONDS)
    within = deadlines.SHORT + LISTENED_SECONDS
    with ThreadPoolExecutor(len(listeners.nodes)) as pool:
        captures = [
            pool.submit(listeners.listen, node, addresses, seconds=seconds, within=within) for node in listeners.nodes
        ]
        while not all(capture.done() for capture in captures):
            for one in by_role(members)["worker"]:
                _call(bench, one)
            with suppress(TrafficFailed):  # whether Ray works is another look's question
                if bench.driven:
                    bench.work()
    return encrypted_on_the_wire(together([capture.result() for capture in captures]), members)


def _call(bench: Bench, one: RayPod) -> None:
    """Let a worker begin a connection to the GCS. How it goes is told by the wire."""
    subject = bench.subject
    words = [subject.head_host, *map(str, (subject.contract.find(GCS).numbers or ())[:1])]
    bench.kube.exec(
        one.name, ["python", "-c", CALL, *words], container=one.container, namespace=subject.namespace, check=False
    )


# What a fault asks besides the looks at a whole mesh, where packets show it.
ON_THE_WIRE: Mapping[str, Callable[[Bench], Findings]] = {"the wire": wire}
