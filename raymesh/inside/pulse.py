"""Runs inside the head pod, with its Ray: an actor a node, which work with each other whenever they are asked to.

Arguments: how many nodes there must be, the port of each node's dashboard agent by the node's address (as JSON),
seconds that a call may take. A line on standard input asks for a round, a line that begins with the mark says how it
went: {"calls": {address: number}, "alive": {address: flag}, "version", "error"}. Whatever else Ray prints is not an
answer. It ends with its input.

One driver that stays: each that comes and goes leaves worker ports in TIME_WAIT for 60 s, and Ray takes those for
taken. With the guide's eleven ports a handful of drivers a minute is too many, and the next worker is 60 s late.
"""

import json
import sys
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from ray.util.state import list_logs

MARK = "raymesh-pulse "
NODES, AGENT_PORTS, SECONDS = int(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
CALLS = 60  # a pair of nodes and direction
ASKS = (
    6  # of each agent, and objects and tasks a pair: where a part of the calls is traced, a round still shows each port
)
BIG = 1_000_000  # bytes: above what Ray sends inside a call, so that it goes through the object manager


def own_address() -> str:
    address: Any = ray.util.get_node_ip_address
    return str(address())


TASK: Any = ray.remote(num_cpus=0)(own_address)


class Peer:
    def where(self) -> str:
        return own_address()

    def hit(self) -> int:
        return 1

    def make(self) -> bytes:
        return bytes(BIG)

    def take(self, data: bytes) -> int:
        return len(data)

    def call(self, other: Any) -> int:
        return int(sum(ray.get([other.hit.remote() for _ in range(CALLS)])))

    def lease(self, node: str) -> list[str]:
        """Have tasks run on a node, one after the other: for each its node manager is asked for a worker."""
        place: Any = NodeAffinitySchedulingStrategy(node, soft=False)
        return [str(ray.get(TASK.options(scheduling_strategy=place).remote())) for _ in range(ASKS)]


def peers() -> dict[str, Any]:
    """Return an actor a node, by the node's address and by Ray's own word."""
    ids = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    if len(ids) != NODES:
        raise RuntimeError(f"{len(ids)} of {NODES} nodes are alive")
    made = [actor(NodeAffinitySchedulingStrategy(node, soft=False)) for node in ids]
    return dict(zip(ray.get([one.where.remote() for one in made], timeout=SECONDS), made, strict=True))


def actor(place: Any) -> Any:
    options: dict[str, Any] = {"scheduling_strategy": place}
    remote: Any = ray.remote(num_cpus=0, **options)
    return remote(Peer).remote()


def beat(actors: dict[str, Any]) -> tuple[dict[str, int], list[str]]:
    """Let each node call each other one, run tasks there, send it an object, and have its agent and its logs asked.

    Return the calls that each answered, and what failed: one step that fails does not keep the others from being done.
    """
    calls = dict.fromkeys(actors, 0)
    failed: list[str] = []

    def step(what: str, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            failed.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")

    def hit(address: str) -> None:
        calls[address] += sum(ray.get([actors[address].hit.remote() for _ in range(CALLS)], timeout=SECONDS))

    def call(source: str, target: str) -> None:
        # One pair at a time: an actor that waits for another answers nobody.
        calls[target] += ray.get(actors[source].call.remote(actors[target]), timeout=SECONDS)

    def lease(source: str, target: str, node: str) -> None:
        ran = ray.get(actors[source].lease.remote(node), timeout=SECONDS)
        if set(ran) != {target}:
            raise RuntimeError(f"ran on {'; '.join(sorted(set(ran)))}")

    def send(pairs: list[tuple[str, str]]) -> None:
        sent = {actors[target].take.remote(actors[source].make.remote()): (source, target) for source, target in pairs}
        taken, lost = ray.wait(list(sent), num_returns=len(sent), timeout=SECONDS)
        wrong = [sent[ref] for ref in [*lost, *(ref for ref in taken if ray.get(ref) != BIG)]]
        if wrong:
            raise RuntimeError(f"not taken whole: {'; '.join(f'{source} to {target}' for source, target in wrong)}")

    nodes = {node["NodeManagerAddress"]: node["NodeID"] for node in ray.nodes() if node["Alive"]}
    for address, node in nodes.items():
        step(f"agent of {address}", partial(ask_agent, address))
        step(f"logs of {address}", partial(read_logs, node))
    for address in actors:
        step(f"calls to {address}", partial(hit, address))
    pairs = [(source, target) for source in actors for target in actors if source != target]
    for source, target in pairs:
        step(f"calls from {source} to {target}", partial(call, source, target))
        step(f"tasks of {source} on {target}", partial(lease, source, target, nodes.get(target, "")))
    step("objects", partial(send, pairs * ASKS))
    return calls, failed


def read_logs(node: str) -> None:
    if not list_logs(address="auto", node_id=node, timeout=int(SECONDS)):
        raise RuntimeError("no logs")


def ask_agent(address: str) -> None:
    port = AGENT_PORTS.get(address) or next(iter(AGENT_PORTS.values()))  # of a node that nobody knows, the usual one
    url = f"http://{address}:{port}/api/local_raylet_healthz"
    for _ in range(ASKS):
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            said = answer.read().decode()
        if said != "success":
            raise RuntimeError(f"the agent of {address} says {said[:100]!r}")


def main() -> None:
    ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    actors: dict[str, Any] = {}
    for _ in sys.stdin:
        calls: dict[str, int] = {}
        try:
            actors = actors or peers()
            calls, failed = beat(actors)
        except Exception as reason:  # noqa: BLE001 - whatever it is, it is the answer
            failed = [f"{type(reason).__name__}: {str(reason)[:600]}"]
        alive: dict[str, bool] = {}
        for node in ray.nodes():  # one that was started anew is there twice, dead and alive
            address = node["NodeManagerAddress"]
            alive[address] = alive.get(address, False) or bool(node["Alive"])
        answer = {"calls": calls, "alive": alive, "version": ray.__version__, "error": "; ".join(failed)}
        sys.stdout.write(MARK + json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
