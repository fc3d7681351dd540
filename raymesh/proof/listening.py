"""The look at the wire: packets are listened to on every node while Ray works."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from raymesh import deadlines
from raymesh.deadlines import scaled
from raymesh.proof.bench import Bench
from raymesh.traffic import TrafficFailed
from raymesh.verdicts.finding import Findings
from raymesh.verdicts.wire import encrypted_on_the_wire
from raymesh.witness.wire import Wire, together

LISTENED_SECONDS = 12.0


def wire(bench: Bench, listeners: Wire) -> Findings:
    """Judge what goes from Ray pod to Ray pod for some seconds. Raises CommandError, Unreadable."""
    members = bench.members()
    addresses = [one.ip for one in members]
    seconds = scaled(LISTENED_SECONDS)
    within = deadlines.SHORT + LISTENED_SECONDS
    with ThreadPoolExecutor(len(listeners.nodes)) as pool:
        captures = [
            pool.submit(listeners.listen, node, addresses, seconds=seconds, within=within) for node in listeners.nodes
        ]
        while not all(capture.done() for capture in captures):
            with suppress(TrafficFailed):  # whether Ray works is another look's question
                bench.work()
    return encrypted_on_the_wire(together([capture.result() for capture in captures]), members)
