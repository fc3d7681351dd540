"""The flows of a capture against the sockets of the pods: each of both is accounted for, or it is said which is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from raymesh.subject import RayPod
from raymesh.verdicts.catalog import WIRE_SEEN
from raymesh.verdicts.finding import Finding
from raymesh.verdicts.wire import encrypted_on_the_wire
from raymesh.witness.connections import Connection, End, Told
from raymesh.witness.holders import SIDECAR_UID
from raymesh.witness.pods import Pod
from raymesh.witness.sockets import State
from raymesh.witness.wire import Capture, Flow, Sent

A, B = "10.0.0.1", "10.0.0.2"
RAY_UID = 1000
NOTHING = Sent(b"", whole=False, bytes=0, segments=0, records=0, broken=0, gaps=0, words=())
SOME = replace(NOTHING, bytes=100, segments=1, records=1)


def member(ip: str) -> RayPod:
    pod = Pod(
        name=f"pod-{ip}", namespace="default", labels={}, ip=ip, ready=True, service_account="ray", containers=(),
        init_containers=(), annotations={}, host_network=False,
    )  # fmt: skip
    return RayPod(pod, "head" if ip == A else "worker", "", ip, "ray")


MEMBERS = (member(A), member(B))


def flow(client: End = (A, 40000), server: End = (B, 6380), *, begun: bool = False, sent: Sent = SOME) -> Flow:
    return Flow(*client, *server, begun=begun, open=True, there=sent, back=sent)


def capture(*flows: Flow) -> Capture:
    # One that began, so that what else V901 wants is there.
    begun = flow((B, 41000), (A, 6379), begun=True)
    return Capture("node", 100.0, 112.0, 50, 0, 0, (begun, *flows), ())


def socket(
    local: End, remote: End = ("0.0.0.0", 0), *, uid: int = SIDECAR_UID, sent: int = 0, state: State = State.ESTABLISHED
) -> Connection:
    return Connection(local, remote, state, uid, sent, 0)


TAKES_IN, TAKES_OUT = (
    socket(("0.0.0.0", 15006), state=State.LISTEN),
    socket(("127.0.0.1", 15001), state=State.LISTEN),
)


def at_client(sent: int = 0) -> list[Connection]:
    """What the client's pod has of a connection that goes through its sidecar."""
    return [
        TAKES_IN,
        TAKES_OUT,
        socket((A, 50000), (B, 6380), uid=RAY_UID, sent=sent),
        socket(("127.0.0.1", 15001), (A, 50000), sent=sent),
        socket((A, 40000), (B, 6380), sent=sent),
    ]


def at_server(sent: int = 0) -> list[Connection]:
    return [
        TAKES_IN,
        TAKES_OUT,
        socket((B, 15006), (A, 40000), sent=sent),
        socket(("127.0.0.6", 51000), (B, 6380), sent=sent),
        socket((B, 6380), ("127.0.0.6", 51000), uid=RAY_UID, sent=sent),
        socket(("0.0.0.0", 6380), uid=RAY_UID, state=State.LISTEN),
    ]


Sockets = Sequence[Connection]


def judged(
    seen: Capture, a: tuple[Sockets, Sockets], b: tuple[Sockets, Sockets], at: tuple[float, float] = (103.0, 108.0)
) -> Finding:
    told = {f"pod-{ip}": [Told(t, tuple(s)) for t, s in zip(at, s2, strict=True)] for ip, s2 in ((A, a), (B, b))}
    [found] = [one for one in encrypted_on_the_wire(seen, MEMBERS, told) if one.about == "the sockets"]
    assert found.verdict == WIRE_SEEN
    return found


@pytest.mark.parametrize("swapped", [False, True])
def test_flows_that_the_sidecars_hold_are_accounted_for(swapped: bool) -> None:
    """Whichever end the wire takes for the client, of a connection whose beginning it has not seen."""
    one = flow((B, 6380), (A, 40000)) if swapped else flow()
    found = judged(capture(one), (at_client(), at_client(9)), (at_server(), at_server(9)))
    assert found.ok, found.seen
    assert found.figures == {"matched": 1, "of sidecars": 1, "idle": 0, "unaccounted for": 0}


def test_bytes_that_the_kernel_counted_and_the_wire_has_not_are_red() -> None:
    other = [socket((A, 40001), (B, 6381))]
    more = [socket((A, 40001), (B, 6381), sent=5)]
    found = judged(capture(flow()), ([*at_client(), *other], [*at_client(9), *more]), (at_server(), at_server(9)))
    assert not found.ok
    assert "10.0.0.1:40001 -> 10.0.0.2:6381" in found.seen


def test_a_connection_without_a_byte_is_idle() -> None:
    other = [socket((A, 40001), (B, 6381), sent=5)]
    found = judged(capture(flow()), ([*at_client(), *other], [*at_client(9), *other]), (at_server(), at_server(9)))
    assert found.ok, found.seen
    assert found.figures["idle"] == 1


@pytest.mark.parametrize("gone", [False, True])
def test_one_that_began_or_ended_meanwhile_has_packets(gone: bool) -> None:
    other = [socket((A, 40001), (B, 6381))]
    tables = (at_client(), [*at_client(9), *other])
    found = judged(capture(flow()), tables[::-1] if gone else tables, (at_server(), at_server(9)))
    assert not found.ok


def test_a_flow_that_no_socket_holds_is_red() -> None:
    """As one is that ends in another place than the pod that has the address."""
    found = judged(capture(flow()), (at_client(), at_client(9)), ([TAKES_IN], [TAKES_IN]))
    assert not found.ok
    assert "of no socket: 10.0.0.1:40000 -> 10.0.0.2:6380" in found.seen


def test_one_that_goes_past_the_sidecars_is_matched_and_not_counted_as_theirs() -> None:
    listens = socket(("0.0.0.0", 6380), uid=RAY_UID, state=State.LISTEN)
    direct = socket((A, 40000), (B, 6380), uid=RAY_UID), socket((B, 6380), (A, 40000), uid=RAY_UID)
    more = [replace(one, sent=9) for one in direct]
    found = judged(capture(flow()), ([direct[0]], [more[0]]), ([listens, direct[1]], [listens, more[1]]))
    assert found.ok, found.seen
    assert (found.figures["matched"], found.figures["of sidecars"]) == (1, 0)


@pytest.mark.parametrize("at", [(90.0, 108.0), (103.0, 111.9), (103.0, 200.0)])
def test_sockets_of_another_time_prove_nothing(at: tuple[float, float]) -> None:
    found = judged(capture(flow()), (at_client(), at_client(9)), (at_server(), at_server(9)), at)
    assert not found.ok
    assert "not asked twice meanwhile: pod-10.0.0.1" in found.seen


def test_a_pod_that_told_nothing_is_red() -> None:
    findings = encrypted_on_the_wire(capture(flow()), MEMBERS, {})
    assert [one.ok for one in findings if one.about == "the sockets"] == [False]


def test_no_connection_at_all_is_no_proof() -> None:
    empty = ([TAKES_IN], [TAKES_IN])
    assert not judged(capture(), empty, empty).ok


def test_strangers_and_the_pods_own_are_no_business_of_the_wires() -> None:
    others = [
        socket((A, 40005), ("10.0.0.9", 9411), sent=1),
        socket((A, 40006), (A, 6380), uid=RAY_UID, sent=1),
        socket((A, 40007), (B, 6380), state=State.TIME_WAIT),
    ]
    more = [replace(one, sent=99) for one in others]
    found = judged(capture(flow()), ([*at_client(), *others], [*at_client(9), *more]), (at_server(), at_server(9)))
    assert found.ok, found.seen
