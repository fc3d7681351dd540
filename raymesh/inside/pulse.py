"""Runs inside the head pod, with its Ray: an actor a node, which call each other whenever they are asked to.

Argument: how many nodes there must be. A line on standard input asks for a round of calls, a JSON object on standard
output says how it went: {"calls": N} or {"error": "..."}. It ends with its standard input.

One driver that stays: each that comes and goes leaves worker ports in TIME_WAIT for 60 s, and Ray takes those for
taken. With the guide's eleven ports a handful of drivers a minute is too many, and the next worker is 60 s late.
"""

import json
import sys
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

NODES = int(sys.argv[1])
CALLS = 20
SECONDS = 170  # while the guide's 5000 tasks are taken in, a round took 40: the raylet has no time for others


class Peer:
    def hit(self) -> int:
        return 1

    def call(self, other: Any) -> int:
        return int(sum(ray.get([other.hit.remote() for _ in range(CALLS)])))


def peers() -> list[Any]:
    ids = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    if len(ids) != NODES:
        raise RuntimeError(f"{len(ids)} of {NODES} nodes are alive")
    return [actor(NodeAffinitySchedulingStrategy(node, soft=False)) for node in ids]


def actor(place: Any) -> Any:
    options: dict[str, Any] = {"scheduling_strategy": place}
    remote: Any = ray.remote(num_cpus=0, **options)
    return remote(Peer).remote()


def beat(actors: list[Any]) -> int:
    calls = sum(ray.get([one.hit.remote() for one in actors for _ in range(CALLS)], timeout=SECONDS))
    for one in actors:
        for other in actors:
            if one is not other:  # one pair at a time: an actor that waits for another answers nobody
                calls += ray.get(one.call.remote(other), timeout=SECONDS)
    return int(calls)


def main() -> None:
    ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    actors = peers()
    for _ in sys.stdin:
        try:
            answer: dict[str, object] = {"calls": beat(actors)}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            answer = {"error": f"{type(error).__name__}: {error}"[:600]}
        print(json.dumps(answer), flush=True)


main()
