"""Faults of ports: what the headless Service declares, and what listens in a Ray pod."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from raymesh.faults.breaking import code, one_worker, program, replaced
from raymesh.faults.fault import Break, Fault
from raymesh.manifests.patching import Doc
from raymesh.proof.bench import Bench
from raymesh.proof.listening import ON_THE_WIRE
from raymesh.subject import RayPod, head_of
from raymesh.verdicts.catalog import (
    CROSSED,
    DECLARED,
    EVERY_CALL,
    GRPC_OBJECT_MANAGER,
    GRPC_WORKERS,
    HTTP_AGENT,
    INSIDER_SERVED,
    LISTENING,
    MUTUAL_GROWS,
    OUTBOUND,
    UDP,
    WIRE_OTHERS,
    WORKED,
)

# Nobody takes the calls: hanging up on them would turn another verdict red. Of several numbers the first that is free
# is taken.
LISTEN = """
def listen(wait):
    global answer, server
    threading.Event().wait(wait)
    for number in map(int, sys.argv[2:]):
        try:
            server = socket.create_server(("0.0.0.0", number))
            break
        except OSError:
            pass
    answer = server.getsockname()[1]
answer, wait = 0, float(sys.argv[1])
if wait:
    threading.Thread(target=listen, args=[wait], daemon=True).start()
else:
    listen(0)
"""
AT_ONCE, LATE, ANY_PORT = "0", "8", "0"  # seconds until it listens, and the system's choice of a port
LISTEN_UDP = """
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 0))
answer = server.getsockname()[1]
"""

# To the port of discard: nobody listens there, and what is sent is on the wire all the same.
SEND_UDP = """
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def send():
    while not threading.Event().wait(0.5):
        sender.sendto(b"raymesh", (sys.argv[1], 9))
threading.Thread(target=send, daemon=True).start()
answer = sender.getsockname()[1]
"""


def service(change: Callable[[list[Doc]], list[Doc]]) -> Break:
    """Change the ports of the headless Service."""

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        def changed(doc: Doc) -> Doc:
            doc["spec"]["ports"] = change(doc["spec"]["ports"])
            return doc

        subject = bench.subject
        with replaced(bench, "service", subject.headless_service, subject.namespace, changed):
            yield

    return broken


def missing(*numbers: int) -> Break:
    """Leave ports out."""
    return service(lambda ports: [port for port in ports if port["port"] not in numbers])


def declared(protocol: str, *numbers: int) -> Break:
    """Declare ports as another protocol."""
    return service(
        lambda ports: [{**port, "appProtocol": protocol} if port["port"] in numbers else port for port in ports]
    )


def stranger(body: str, where: Callable[[Bench], RayPod], *words: str) -> Break:
    """Run a program of a stranger's in a Ray container."""

    @contextlib.contextmanager
    def broken(bench: Bench) -> Iterator[None]:
        one = where(bench)
        with program(bench, one.name, one.container, code(body), *words):
            yield

    return broken


def head(bench: Bench) -> RayPod:
    """Return the head."""
    return head_of(bench.members())


@contextlib.contextmanager
def sends_udp(bench: Bench) -> Iterator[None]:
    """Let a worker send datagrams to the head, twice a second."""
    with stranger(SEND_UDP, one_worker, head(bench).ip)(bench):
        yield


WORKERS = tuple(range(10002, 10013))
FAULTS = (
    Fault(
        "ports-missing-object-manager",
        "the object manager's port is not in the Service",
        missing(6381),
        frozenset({OUTBOUND, WORKED, GRPC_OBJECT_MANAGER, CROSSED, INSIDER_SERVED}),
        cuts=True,
    ),
    # Not the node manager's: without it the worker's Ray container ends, again and again (2.10.0, seen).
    Fault(
        "ports-missing-runtime-env",
        "the runtime environment agent's port is not in the Service",
        missing(6382),
        frozenset({OUTBOUND}),
    ),
    Fault(
        "ports-missing-agent-http",
        "the dashboard agent's HTTP port is not in the Service",
        missing(52365),
        frozenset({OUTBOUND, WORKED, HTTP_AGENT, CROSSED, INSIDER_SERVED}),
        cuts=True,
    ),
    Fault(
        "ports-missing-agent-grpc",
        "the dashboard agent's gRPC port is not in the Service",
        missing(6383),
        frozenset({OUTBOUND, WORKED, CROSSED, INSIDER_SERVED}),
        cuts=True,
    ),
    Fault(
        "ports-missing-workers",
        "the worker ports are not in the Service",
        missing(*WORKERS),  # a worker then sends some twelve calls in 150 s (seen)
        frozenset({MUTUAL_GROWS, OUTBOUND, WORKED, GRPC_WORKERS, GRPC_OBJECT_MANAGER, CROSSED, EVERY_CALL}),
        cuts=True,
    ),
    Fault(
        "ports-missing-metrics",
        "the metrics port is not in the Service",
        missing(8080),
        frozenset({OUTBOUND}),
    ),
    Fault(
        "ports-http-as-tcp",
        "the dashboard agent's HTTP port is declared tcp",
        declared("tcp", 52365),
        frozenset({HTTP_AGENT, DECLARED, CROSSED}),
        cuts=True,
    ),
    Fault(
        "ports-http-as-grpc",
        "the dashboard agent's HTTP port is declared grpc",
        declared("grpc", 52365),
        frozenset({HTTP_AGENT, WORKED, INSIDER_SERVED}),
        cuts=True,
    ),
    Fault(
        "ports-grpc-as-tcp",
        "the object manager's port is declared tcp",
        declared("tcp", 6381),
        frozenset({GRPC_OBJECT_MANAGER, DECLARED, CROSSED}),
        cuts=True,
    ),
    Fault(
        "ports-grpc-as-http",
        "the object manager's port is declared http",
        declared("http", 6381),
        frozenset({GRPC_OBJECT_MANAGER, WORKED, INSIDER_SERVED}),
        cuts=True,
    ),
    Fault(
        "ports-workers-as-tcp",
        "the worker ports are declared tcp",
        declared("tcp", *WORKERS),
        frozenset({GRPC_WORKERS, DECLARED, CROSSED, EVERY_CALL}),
        cuts=True,
    ),
    Fault(
        "ports-stray-worker",
        "an undeclared port listens on the worker",
        stranger(LISTEN, one_worker, AT_ONCE, ANY_PORT),
        frozenset({LISTENING}),
    ),
    Fault(
        "ports-stray-head",
        "an undeclared port listens on the head",
        stranger(LISTEN, head, AT_ONCE, ANY_PORT),
        frozenset({LISTENING}),
    ),
    Fault(
        "ports-stranger-in-range",
        "a stranger listens on a worker port",
        stranger(LISTEN, one_worker, AT_ONCE, *map(str, reversed(WORKERS))),
        frozenset({LISTENING}),
    ),
    Fault(
        "ports-stranger-on-known",
        "a stranger listens on a number that only Ray Client may have",
        stranger(LISTEN, head, AT_ONCE, "23456"),
        frozenset({LISTENING}),
    ),
    Fault(
        "ports-stray-late",
        "an undeclared port opens late",
        stranger(LISTEN, one_worker, LATE, ANY_PORT),
        frozenset({LISTENING}),
    ),
    Fault("ports-udp", "a UDP port is open on the head", stranger(LISTEN_UDP, head), frozenset({UDP})),
    Fault(
        "ports-udp-spoken",
        "a worker sends UDP to the head",
        sends_udp,
        frozenset({UDP, WIRE_OTHERS}),
        ON_THE_WIRE,
    ),
)
