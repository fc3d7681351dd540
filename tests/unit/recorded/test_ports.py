"""Ports on recordings: the sockets of both pods, and what the mesh saw cross."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raymesh.proof.looks import must_cross
from raymesh.verdicts.calls import calls_across, directions
from raymesh.verdicts.catalog import BYPASS, CROSSED, DECLARED, LISTENING, UDP, Verdict
from raymesh.verdicts.finding import Findings, verdicts_of
from raymesh.verdicts.ports import crossing_ports, listening_ports, protocols_seen
from raymesh.witness.envoy import parse_inbound
from raymesh.witness.holders import parse_inside
from raymesh.witness.jaeger import parse_spans
from tests.unit.recorded.recordings import HEAD, PODS, WORKER, Doctored, member, parsed
from tests.unit.recorded.spans import CONTRACT, RUN, TRACES, retagged, without
from tests.unit.verdicts.colour import red, red_of

ADDRESSES = {HEAD: "10.244.0.9", WORKER: "10.244.0.10"}
MEMBERS = (member(HEAD, "head", ADDRESSES[HEAD]), member(WORKER, "worker", ADDRESSES[WORKER]))


def listening(doctored: Doctored | None = None) -> Findings:
    insides = {pod: parsed(parse_inside, f"holders-{pod}.json", doctored) for pod in PODS}
    return listening_ports(MEMBERS, insides, CONTRACT, {})


def line(local: int, state: str, remote: str = "00000000:0000", uid: int = 1000, inode: int = 1) -> str:
    """A line of /proc/net/tcp: an address of any interface."""
    return f"  99: 00000000:{local:04X} {remote} {state} 0:0 0:0 0 {uid} 0 {inode} 1 0 100 0 0 10 0\n"


def added(table: str, text: str, *, command: str = "") -> Callable[[Any], object]:
    """Add a socket, held by a program that is not Ray's where one is named."""

    def doctor(answer: Any) -> None:
        answer["tables"][table] = answer["tables"][table].rstrip("\n") + "\n" + text
        if command:
            answer["holders"]["99999"] = {"command": command, "ray": False, "inodes": ["999999999"]}

    return doctor


LISTENS, WAITS = "0A", "07"
SOCKETS: dict[str, tuple[Callable[[Any], object], Verdict]] = {
    "an unknown port": (added("tcp", line(40123, LISTENS)), LISTENING),
    "a stranger on a worker port": (added("tcp", line(10011, LISTENS, inode=999999999), command="nc"), LISTENING),
    "a UDP port": (added("udp", line(5000, WAITS)), UDP),
}


@pytest.mark.parametrize("pod", PODS)
@pytest.mark.parametrize("case", SOCKETS)
def test_a_socket_that_should_not_be_is_red(case: str, pod: str) -> None:
    change, verdict = SOCKETS[case]
    assert red_of(listening(Doctored(f"holders-{pod}.json", change))) == {(verdict, pod)}


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_without_redirects_of_its_sidecar_is_red(pod: str) -> None:
    """Ray's connections stay, and the sidecar's beside them are gone: they went past it."""

    def doctor(answer: Any) -> None:
        for table in ("tcp", "tcp6"):
            lines = answer["tables"][table].splitlines(keepends=True)
            answer["tables"][table] = "".join(one for one in lines if ":3A99 " not in one)

    assert (BYPASS, pod) in red_of(listening(Doctored(f"holders-{pod}.json", doctor)))


def test_the_recorded_sockets_are_green() -> None:
    assert red_of(listening()) == set()
    assert verdicts_of(listening()) == {LISTENING, UDP, BYPASS}


def crossed(doctored: Doctored | None = None) -> Findings:
    """Judge what crossed; nobody recorded with the spans who dialled the GCS, so TCP is said here."""
    calls = calls_across(RUN.of(parsed(parse_spans, TRACES, doctored)))
    chains = [c for pod in PODS for c in parsed(parse_inbound, f"envoy-{pod}-listeners.json", doctored)]
    ways = directions(calls, RUN.roles)
    ways.setdefault(6379, set()).add("worker->head")
    seen = protocols_seen(calls, [c for c in chains if c.port == 6379], {6379})
    return crossing_ports(seen, ways, CONTRACT, must_cross=must_cross(CONTRACT))


DOCTORED: dict[str, tuple[Doctored, set[Verdict]]] = {
    "no node manager": (without("node-manager-port"), {CROSSED}),
    "no client of the agent": (without("dashboard-agent-grpc-port", ["client"]), {CROSSED}),
    "agent's HTTP as gRPC": (retagged("dashboard-agent-listen-port", "grpc.path", "/ray.rpc.L/M"), {DECLARED}),
    "gRPC as HTTP": (retagged("object-manager-port", "grpc.path", ""), {DECLARED}),
    "a port of nobody": (
        retagged("dashboard-grpc-port", "upstream_cluster", "inbound|37499||", ["server"]),
        {DECLARED},
    ),
}


def test_what_crossed_is_green() -> None:
    assert red(crossed()) == set()


@pytest.mark.parametrize("case", DOCTORED)
def test_each_doctored_copy_is_red_for_its_own_reason(case: str) -> None:
    doctored, reasons = DOCTORED[case]
    assert red(crossed(doctored)) == reasons
