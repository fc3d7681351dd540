"""Ports: what listens is known and Ray's, nothing goes past the sidecars, and what crosses is seen as declared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from raymesh.ports import contract
from raymesh.ports.model import Crossing
from raymesh.proof.looks import must_cross
from raymesh.subject import RayPod
from raymesh.verdicts.catalog import BYPASS, CROSSED, DECLARED, LISTENING, UDP, Verdict
from raymesh.verdicts.finding import verdicts_of
from raymesh.verdicts.ports import crossing_ports, listening_ports, protocols_seen
from raymesh.witness.envoy import InboundChain
from raymesh.witness.holders import SIDECAR_UID, Held, Inside
from raymesh.witness.sockets import State
from tests.unit.verdicts.built_calls import AGENT
from tests.unit.verdicts.built_calls import HEALTHY as CALLS
from tests.unit.verdicts.built_insides import HEALTHY, STRANGER, dialled, held, listens, more, taken
from tests.unit.verdicts.built_subject import HEAD, MEMBERS, NAMES, WORKER_A, WORKER_B
from tests.unit.verdicts.colour import red, red_of

GUIDE = contract()
GCS_CHAIN = InboundChain("0.0.0.0_6379", 6379, "tls", None, "tcp", black_hole=False)
SEEN = {6379: {"tcp"}, 6380: {"grpc"}, 6381: {"grpc"}, 10004: {"grpc"}, 52365: {"http"}}
TO_HEAD: Crossing = "worker->head"
TO_WORKER: Crossing = "head->worker"
MUST = {name: ways for name, ways in must_cross(contract("2.54.0")).items() if name != "dashboard-agent-grpc-port"}
WAYS: dict[int, set[Crossing]] = {
    6379: {TO_HEAD},
    6380: {TO_HEAD, TO_WORKER},
    6381: {TO_HEAD, TO_WORKER},
    10004: {TO_HEAD},
    10005: {TO_WORKER},
    52365: {TO_WORKER},
}


def judged(inside: Inside) -> set[tuple[Verdict, str]]:
    """Return what is red where one of the two workers is otherwise."""
    return red_of(listening_ports(MEMBERS, {**HEALTHY, "worker-b": inside}, GUIDE, {}))


def test_healthy_pods_are_green() -> None:
    findings = listening_ports(MEMBERS, HEALTHY, GUIDE, {})
    assert red(findings) == set()
    assert findings[0].figures == {"ports": 18, "others": 0}


@pytest.mark.parametrize("pod", NAMES)
def test_a_pod_that_was_not_looked_at_is_red(pod: str) -> None:
    others = {name: inside for name, inside in HEALTHY.items() if name != pod}
    assert red_of(listening_ports(MEMBERS, others, GUIDE, {})) == {(LISTENING, pod), (UDP, pod), (BYPASS, pod)}


def test_nothing_in_a_pod_is_red_everywhere() -> None:
    assert judged(Inside((), (), {})) == {(LISTENING, "worker-b"), (UDP, "worker-b"), (BYPASS, "worker-b")}


@pytest.mark.parametrize(
    "added",
    [
        listens(40123),
        listens(6379),  # the head's alone
        listens(10011, STRANGER),
        listens(23456, STRANGER),
        listens(6380, STRANGER),
        listens(15021, STRANGER),
        listens(15021, None, uid=0),
        listens(10011, None, uid=0),
    ],
    ids=str,
)
def test_a_stranger_or_an_unknown_port_is_red(added: Held) -> None:
    assert judged(more(HEALTHY["worker-b"], added)) == {(LISTENING, "worker-b")}


def test_a_stranger_on_a_number_that_ray_client_may_have_is_red_on_the_head() -> None:
    insides = {**HEALTHY, "head": more(HEALTHY["head"], listens(23456, STRANGER))}
    assert red_of(listening_ports(MEMBERS, insides, GUIDE, {})) == {(LISTENING, "head")}


def test_what_only_the_pod_itself_can_reach_is_left_alone() -> None:
    local = held("127.0.0.1", 40123, STRANGER, State.LISTEN)
    assert judged(more(HEALTHY["worker-b"], local)) == set()


@pytest.mark.parametrize("sidecar", [True, False])
def test_half_a_pod_is_red(sidecar: bool) -> None:
    inside = HEALTHY["worker-b"]
    kept = [h for h in inside.tcp if h.socket.state != State.LISTEN or h.of_sidecar == sidecar]
    assert (LISTENING, "worker-b") in judged(replace(inside, tcp=tuple(kept)))


def test_a_udp_socket_that_waits_is_red() -> None:
    inside = HEALTHY["worker-b"]
    waits = held("0.0.0.0", 5000, STRANGER, State.CLOSE)
    assert judged(replace(inside, udp=(*inside.udp, waits))) == {(UDP, "worker-b")}
    local = held("127.0.0.1", 5000, STRANGER, State.CLOSE)
    assert judged(replace(inside, udp=(*inside.udp, local))) == set()


PAST = 40777


def dialled_past(other: RayPod) -> Inside:
    """A worker with a connection of Ray's to another pod that its sidecar has no part in."""
    [own] = dialled(WORKER_B, other, through=False)
    past = replace(own, socket=replace(own.socket, local=replace(own.socket.local, port=PAST)))
    return more(HEALTHY["worker-b"], past)


def takes(other: RayPod, address: str) -> Inside:
    """The other pod, whose sidecar took that connection."""
    return more(
        HEALTHY[other.name], held("127.0.0.1", 15006, None, State.ESTABLISHED, (address, PAST), uid=SIDECAR_UID)
    )


@pytest.mark.parametrize("other", [HEAD, WORKER_A])
@pytest.mark.parametrize("address", [WORKER_B.ip, "172.18.0.3"])  # its own, and a node's in its place
def test_a_connection_that_was_dialled_past_the_sidecar_is_red(other: RayPod, address: str) -> None:
    insides = {**HEALTHY, "worker-b": dialled_past(other), other.name: takes(other, address)}
    assert red_of(listening_ports(MEMBERS, insides, GUIDE, {})) == {(BYPASS, "worker-b")}


@pytest.mark.parametrize("other", [HEAD, WORKER_A])
def test_the_other_end_of_a_pod_that_was_not_looked_at_is_taken_to_be_there(other: RayPod) -> None:
    insides = {name: inside for name, inside in HEALTHY.items() if name != other.name}
    found = red_of(listening_ports(MEMBERS, {**insides, "worker-b": dialled_past(other)}, GUIDE, {}))
    assert (BYPASS, "worker-b") in found


def test_an_end_that_stands_alone_is_no_way_past_the_sidecar() -> None:
    """Seen after a change of policy: the sidecar had ended the connection, and Ray had not heard of it."""
    alone = dialled_past(HEAD)
    assert judged(alone) == set()
    unredirected = replace(alone, tcp=tuple(end for end in alone.tcp if end.socket.local.port != 15001))
    assert (BYPASS, "worker-b") in judged(unredirected)


@pytest.mark.parametrize("source", [HEAD.ip, "10.244.0.200"])
def test_a_connection_that_was_taken_past_the_sidecar_is_red(source: str) -> None:
    assert judged(more(HEALTHY["worker-b"], taken(WORKER_B, source))) == {(BYPASS, "worker-b")}


def test_the_random_port_of_the_dashboard_is_seen_until_it_is_pinned() -> None:
    """Ray 2.10 opens one port that the guide forgets."""
    insides = {**HEALTHY, "head": more(HEALTHY["head"], listens(34567))}
    findings = listening_ports(MEMBERS, insides, GUIDE, {})
    assert red_of(findings) == {(LISTENING, "head")}
    assert "dashboard-grpc-port" in findings[0].seen
    assert red(listening_ports(MEMBERS, insides, contract(numbers={"dashboard-grpc-port": 34567}), {})) == set()


def test_traffic_is_seen_as_what_it_is() -> None:
    assert protocols_seen(CALLS, [GCS_CHAIN], {6379, 6380}) == SEEN


def test_a_tcp_port_that_nobody_dialled_is_not_seen() -> None:
    assert protocols_seen(AGENT, [GCS_CHAIN], ()) == {52365: {"http"}}


def crossed(seen: dict[int, set[str]] = SEEN, ways: dict[int, set[Crossing]] = WAYS) -> set[Verdict]:
    return red(crossing_ports(seen, ways, GUIDE, must_cross=MUST))


def test_crossing_as_declared_is_green() -> None:
    assert crossed() == set()


def test_no_crossing_is_red() -> None:
    findings = crossing_ports({}, {}, GUIDE, must_cross=MUST)
    assert red(findings) == verdicts_of(findings)
    assert red(crossing_ports(SEEN, WAYS, GUIDE, must_cross={})) == {CROSSED}


@pytest.mark.parametrize(("port", "way"), [(port, way) for port, ways in WAYS.items() for way in sorted(ways)])
def test_a_port_that_was_crossed_in_one_direction_alone_is_red(port: int, way: Crossing) -> None:
    assert crossed(ways={**WAYS, port: WAYS[port] - {way}}) == {CROSSED}


@pytest.mark.parametrize(
    ("port", "protocols"),
    [(6380, {"tcp"}), (6380, {"grpc", "http"}), (52365, {"grpc"}), (40123, {"grpc"}), (6379, {"tcp", "grpc"})],
)
def test_a_port_that_is_seen_as_another_protocol_is_red(port: int, protocols: Collection[str]) -> None:
    assert crossed({**SEEN, port: set(protocols)}) == {DECLARED}
