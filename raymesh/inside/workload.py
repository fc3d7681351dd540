"""Run by the audited Ray's own Python on the head: work that makes nodes talk, one JSON line per step.

Arguments: ADDRESS of the GCS, how many nodes must be there, seconds for each step, then the names of the steps.
"""

import functools
import hashlib
import json
import os
import shlex
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable
from typing import Any

import ray
from ray.job_submission import JobSubmissionClient
from ray.util import state as state_api
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

ADDRESS, NODES, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
BIG = 40_000_000
TASKS = 20
CALLS = 50
DASHBOARD = "http://127.0.0.1:8265"
PAUSE = threading.Event()


def poll(what: str, probe: Callable[[], Any]) -> Any:
    """The first true answer of `probe`; an exception counts as none."""
    end = time.monotonic() + SECONDS
    last: object = None
    while time.monotonic() < end:
        try:
            last = probe()
            if last:
                return last
        except Exception as error:  # noqa: BLE001 - what is not up yet fails in many ways; the last one is reported
            last = error
        PAUSE.wait(0.5)
    raise TimeoutError(f"{what}: {last!r}")


def alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def pinned(target: Callable[..., object], node: dict[str, Any]) -> Any:
    options: dict[str, Any] = {"scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)}
    return ray.remote(num_cpus=0, **options)(target)


def where(_: object = None) -> str:
    return str(ray.get_runtime_context().get_node_id())


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self) -> int:
        self.count += 1
        return self.count


def make() -> bytes:
    return os.urandom(BIG)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def drive(actor: Any) -> int:
    return int(ray.get([actor.add.remote() for _ in range(CALLS)])[-1])


def nodes() -> str:
    """Every node has joined."""
    poll(f"{NODES} nodes", lambda: len(alive()) == NODES)
    return f"{NODES} nodes alive"


def tasks() -> str:
    """Every node runs tasks."""
    for node in alive():
        here = pinned(where, node)
        # One after the other: each that waits beside others asks for a worker, and so for one of the node's few ports.
        # Where none is left, Ray waits 60 s for a worker that never came up.
        ran = {ray.get(here.remote(i)) for i in range(TASKS)}
        assert ran == {node["NodeID"]}, ran
    return f"{TASKS} tasks a node"


def actors() -> str:
    """The driver and each node call actors on every node."""
    for node in alive():
        actor = pinned(Counter, node).remote()
        assert drive(actor) == CALLS
        for other in alive():
            ray.get(pinned(drive, other).remote(actor))
        ray.kill(actor)
    return f"{CALLS} calls a pair of nodes"


def objects() -> str:
    """A big object goes to each node and back, whole."""
    for node in alive():
        far = pinned(make, node).remote()
        assert digest(ray.get(far)) == ray.get(pinned(digest, node).remote(far))
        near = make()
        assert ray.get(pinned(digest, node).remote(ray.put(near))) == digest(near)
    return f"{BIG // 1_000_000} MB there and back a node"


def state() -> str:
    """The state API lists what runs."""
    found = {}
    for name in ("list_nodes", "list_actors", "list_tasks", "list_workers", "list_objects", "list_runtime_envs"):
        found[name] = len(getattr(state_api, name)(address=DASHBOARD, timeout=max(1, int(SECONDS / 2))))
    assert found["list_nodes"] == NODES, found
    return json.dumps(found)


def logs() -> str:
    """The log API reads a file of every node."""
    wait = max(1, int(SECONDS / 3))
    sizes = []
    for node_id in [node["NodeID"] for node in alive()]:
        options = {"address": ADDRESS, "node_id": node_id, "timeout": wait}
        names = poll("log files", functools.partial(state_api.list_logs, **options))
        assert any("raylet.out" in group for group in names.values()), names
        text = "".join(state_api.get_log(filename="raylet.out", tail=20, **options))
        sizes.append(len(text))
    assert all(sizes), sizes
    return f"log bytes a node {sizes}"


def job() -> str:
    """A job that is submitted over HTTP runs on the last node and its log comes back."""
    client = JobSubmissionClient(DASHBOARD)
    code = "import ray; ray.init(); print('answer', ray.get(ray.remote(lambda: 6 * 7).options(num_cpus=0).remote()))"
    name = client.submit_job(
        entrypoint=f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}",
        entrypoint_resources={"far": 1} if NODES > 1 else None,
        runtime_env={"env_vars": {"RAYMESH_AUDIT": "1"}},
    )
    ended = poll("job ended", lambda: client.get_job_status(name).is_terminal() and client.get_job_status(name))
    text = client.get_job_logs(name)
    assert str(ended) == "SUCCEEDED", (ended, text[-500:])
    assert "answer 42" in text, text[-500:]
    return "job succeeded, log read"


def serve() -> str:
    """A Serve application with a replica on every node answers over HTTP and by handle."""
    from ray import serve as api  # noqa: PLC0415 - slow to import, and needed with --serve only

    @api.deployment(num_replicas=NODES, max_replicas_per_node=1, ray_actor_options={"num_cpus": 0})
    class Where:
        def __call__(self, _: object = None) -> str:
            return where()

    application: Any = Where
    api.start(http_options={"host": "0.0.0.0", "location": "EveryNode"})  # noqa: S104 - as a Service would reach it
    handle = api.run(application.bind(), name="audit", route_prefix="/")
    wanted = {node["NodeID"] for node in alive()}
    by_handle: set[str] = set()
    by_http: set[str] = set()

    def both() -> bool:
        by_handle.update(handle.remote().result(timeout_s=SECONDS) for _ in range(4))
        with urllib.request.urlopen("http://127.0.0.1:8000/", timeout=SECONDS) as answer:
            by_http.add(answer.read().decode())  # the proxy prefers the replica beside it
        return by_handle == wanted and by_http <= wanted

    poll("a replica on every node answered", both)
    poll("a proxy on every node", lambda: [*api.status().proxies.values()].count("HEALTHY") == NODES)
    return f"{len(wanted)} replicas answered"


STEPS = {step.__name__: step for step in (nodes, tasks, actors, objects, state, logs, job, serve)}


def attempt(step: Callable[[], str]) -> dict[str, Any]:
    """Run one step in a thread: one that hangs is left behind and said so."""
    result: dict[str, Any] = {"step": step.__name__, "ok": False, "detail": "hangs"}

    def body() -> None:
        try:
            result["detail"] = step()
            result["ok"] = True
        except BaseException as error:  # noqa: BLE001 - whatever ends a step is its result
            result["detail"] = f"{type(error).__name__}: {error}"[:600]
            traceback.print_exc()

    began = time.monotonic()
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(SECONDS * 1.5)
    return {**result, "seconds": round(time.monotonic() - began, 2)}


def main() -> None:
    ray.init(address=ADDRESS, log_to_driver=False, logging_level="ERROR")
    for name in sys.argv[4:]:
        done = attempt(STEPS[name])
        print(json.dumps(done), flush=True)
        if name == "nodes" and not done["ok"]:
            break
    sys.stdout.flush()
    os._exit(0)  # a thread that hangs must not hold the end


main()
