"""The look at the wire: packets are listened to on every node while Ray works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from raymesh.waiting import hold_for
from raymesh.witness.connections import PROGRAM, Told, parse_connections
from raymesh.witness.wire import together

LISTENED_SECONDS, ASKING_SECONDS = 12.0, 0.5  # the second for each pod, whose connections are asked for meanwhile
SETTLED_SECONDS, APART_SECONDS = 3.0, 4.0  # after the first all who listen have begun
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
    listened = LISTENED_SECONDS + ASKING_SECONDS * len(members)
    seconds = scaled(listened)
    within = deadlines.SHORT + listened
    with ThreadPoolExecutor(len(listeners.nodes) + 1) as pool:
        captures = [
            pool.submit(listeners.listen, node, addresses, seconds=seconds, within=within) for node in listeners.nodes
        ]
        asked = pool.submit(_connections, bench, members)
        while not all(capture.done() for capture in captures):
            for one in by_role(members)["worker"]:
                _call(bench, one)
            with suppress(TrafficFailed):  # whether Ray works is another look's question
                if bench.driven:
                    bench.work()
    return encrypted_on_the_wire(together([capture.result() for capture in captures]), members, asked.result())


def _connections(bench: Bench, members: Sequence[RayPod]) -> dict[str, list[Told]]:
    """Ask each pod twice for its connections while others listen; one that does not answer is left out."""
    told: dict[str, list[Told]] = {one.name: [] for one in members}
    for seconds in (SETTLED_SECONDS, APART_SECONDS):
        hold_for("connections that are listened to", lambda: None, holds=lambda _: True, seconds=scaled(seconds))
        for name, answer in bench.run_inside(PROGRAM, "connections", parse_connections).items():
            told.setdefault(name, []).append(answer)
    return told


def _call(bench: Bench, one: RayPod) -> None:
    """Let a worker begin a connection to the GCS. How it goes is told by the wire."""
    subject = bench.subject
    words = [subject.head_host, *map(str, (subject.contract.find(GCS).numbers or ())[:1])]
    bench.kube.exec(
        one.name, ["python", "-c", CALL, *words], container=one.container, namespace=subject.namespace, check=False
    )


# What a fault asks besides the looks at a whole mesh, where packets show it.
ON_THE_WIRE: Mapping[str, Callable[[Bench], Findings]] = {"the wire": wire}
