"""Packets as they are on a wire, made by scapy around what real TLS libraries say, and judged."""

from __future__ import annotations

import json
import ssl
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.errors import Unreadable
from raymesh.inside.wire import IPV4, IPV6, MARK, Wire
from raymesh.subject import RayPod
from raymesh.verdicts.catalog import WIRE_CLEAR, WIRE_OTHERS, WIRE_SEEN, WIRE_TLS, Verdict
from raymesh.verdicts.finding import red, verdicts_of
from raymesh.verdicts.wire import encrypted_on_the_wire
from raymesh.witness.forging import self_signed
from raymesh.witness.pods import Pod
from raymesh.witness.wire import Capture, negotiated, parse_capture, together

with warnings.catch_warnings():  # scapy's own, on import
    warnings.simplefilter("ignore")
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.packet import Packet, Raw

HEAD, WORKER, STRANGER = "10.0.0.1", "10.0.0.2", "10.0.0.9"
SEGMENT = 700
BEGAN, ENDED = 100.0, 112.0
Says = Sequence[tuple[bool, bytes]]  # whether the client says it, and what


def member(ip: str) -> RayPod:
    pod = Pod(
        name=f"pod-{ip}", namespace="default", labels={}, ip=ip, ready=True, service_account="ray", containers=(),
        init_containers=(), annotations={}, host_network=False,
    )  # fmt: skip
    return RayPod(pod, "head" if ip == HEAD else "worker", "", ip, "ray")


MEMBERS = (member(HEAD), member(WORKER))


def conversation(
    says: Says,
    client: str = HEAD,
    server: str = WORKER,
    port: int = 6380,
    *,
    from_port: int = 40000,
    dialled: bool = True,
) -> list[Packet]:
    """Return the packets of a TCP connection in which the two say that, each twice as two links of a node show it."""
    seq = {True: 2**32 - 300, False: 7000}  # one wraps
    packets: list[Packet] = []

    def send(by_client: bool, flags: str, payload: bytes = b"") -> None:
        ends = (client, server, from_port, port) if by_client else (server, client, port, from_port)
        tcp = TCP(sport=ends[2], dport=ends[3], flags=flags, seq=seq[by_client], ack=seq[not by_client])
        packet = IP(src=ends[0], dst=ends[1]) / tcp / Raw(payload) if payload else IP(src=ends[0], dst=ends[1]) / tcp
        packets.extend([packet, packet])
        seq[by_client] = (seq[by_client] + len(payload) + ("S" in flags or "F" in flags)) % 2**32

    send(True, "S")
    send(False, "SA")
    send(True, "A")
    for by_client, text in says:
        for at in range(0, len(text), SEGMENT):
            send(by_client, "PA", text[at : at + SEGMENT])
    send(True, "FA")
    send(False, "FA")
    return packets if dialled else packets[6:]


def tls(version: ssl.TLSVersion, talk: Iterable[tuple[bool, bytes]]) -> list[tuple[bool, bytes]]:
    """Return what two ends of a real TLS connection of this version say to each other, the talk encrypted."""
    of_server, of_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with NamedTemporaryFile("w") as pem:
        pem.write(self_signed("spiffe://cluster.local/ns/default/sa/ray").pem)
        pem.flush()
        of_server.load_cert_chain(pem.name)
    of_client.check_hostname, of_client.verify_mode = False, ssl.CERT_NONE
    for context in (of_server, of_client):
        context.minimum_version = context.maximum_version = version
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = of_client.wrap_bio(down, up)
    server = of_server.wrap_bio(up_copy := ssl.MemoryBIO(), down_copy := ssl.MemoryBIO(), server_side=True)
    said: list[tuple[bool, bytes]] = []

    def pass_on() -> None:
        for by_client, source, target in ((True, up, up_copy), (False, down_copy, down)):
            if text := source.read():
                said.append((by_client, text))
                target.write(text)

    for _ in range(4):
        for end in (client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
            pass_on()
    for by_client, text in talk:
        (client if by_client else server).write(text)
        pass_on()
    return said


def captured(packets: Iterable[Packet], kind: int = IPV4, dropped: int = 0, keep: int = 2048) -> Capture:
    wire = Wire([HEAD, WORKER, "fd00::1", "fd00::2"], keep, 100)
    for packet in packets:
        wire.see(kind, bytes(packet))
    told = {**wire.told(), "dropped": dropped, "began": BEGAN, "ended": ENDED}
    return parse_capture(MARK + json.dumps(told), "node")


def reds(capture: Capture) -> set[Verdict]:
    return set(verdicts_of(red(encrypted_on_the_wire(capture, MEMBERS))))


TALK = [
    (True, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n/ray.rpc.NodeManagerService"),
    (False, b"\x80\x05\x95" + b"x" * 9000),
] * 3
GOOD = tls(ssl.TLSVersion.TLSv1_3, TALK)
OLD = tls(ssl.TLSVersion.TLSv1_2, TALK)
PREFACE = [(True, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), (False, b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")]


def test_a_connection_of_tls_1_3_is_green_each_packet_seen_twice() -> None:
    capture = captured(conversation(GOOD))
    assert reds(capture) == set()
    [flow] = capture.flows
    assert (flow.client, flow.server, flow.server_port, flow.begun) == (HEAD, WORKER, 6380, True)
    assert flow.there.bytes == sum(len(text) for by_client, text in GOOD if by_client)
    assert negotiated(flow.back.first) == 0x0304


def test_tls_1_2_is_red() -> None:
    assert reds(captured(conversation(OLD))) == {WIRE_TLS}


@pytest.mark.parametrize(
    "text",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00\x00\x1e\x01\x04\x00\x00\x00\x01application/grpc",
        b"GET /api/version HTTP/1.1\r\nHost: ray\r\n\r\n",
        b"*2\r\n$4\r\nAUTH\r\n$5\r\nhello\r\n",
        b"\x80\x05\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05hello\x94.",
    ],
)
@pytest.mark.parametrize("dialled", [True, False])
def test_plaintext_is_red_and_its_words_are_read(text: bytes, dialled: bool) -> None:
    packets = conversation(GOOD) + conversation(
        [(True, text), (False, b"\x00" * 20)], port=6381, from_port=50000, dialled=dialled
    )
    assert reds(captured(packets)) == {WIRE_TLS, WIRE_CLEAR}


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=3000), st.booleans())
def test_whatever_is_not_tls_is_red(text: bytes, dialled: bool) -> None:
    packets = conversation(GOOD) + conversation([(True, text)], from_port=50000, dialled=dialled)
    assert WIRE_TLS in reds(captured(packets))


def test_a_connection_that_was_there_before_carries_records_alone() -> None:
    later = GOOD[-4:]
    packets = conversation(GOOD) + conversation(later, WORKER, HEAD, from_port=50000, dialled=False)
    assert reds(captured(packets)) == set()
    broken = [*later, (True, b"in the clear after all" * 4)]
    packets = conversation(GOOD) + conversation(broken, WORKER, HEAD, from_port=50000, dialled=False)
    assert reds(captured(packets)) == {WIRE_TLS}


def test_plaintext_after_a_good_beginning_is_red() -> None:
    assert reds(captured(conversation([*GOOD, (True, b"upgrade, the other way")]))) == {WIRE_TLS}


@pytest.mark.parametrize("other", [UDP(sport=9, dport=9999) / Raw(b"x"), ICMP()])
def test_another_protocol_is_red(other: Packet) -> None:
    capture = captured([*conversation(GOOD), IP(src=HEAD, dst=WORKER) / other])
    assert reds(capture) == {WIRE_OTHERS}
    [seen] = capture.others
    assert (seen.source, seen.target, seen.port) == (HEAD, WORKER, 9999 if UDP in other else 0)


def test_nothing_seen_or_something_missed_is_red() -> None:
    assert reds(captured([])) == {WIRE_SEEN, WIRE_TLS, WIRE_CLEAR, WIRE_OTHERS}
    assert reds(captured(conversation(GOOD), dropped=1)) == {WIRE_SEEN}
    assert reds(captured(conversation(GOOD, dialled=False)[0:0])) >= {WIRE_SEEN}
    assert WIRE_SEEN in reds(captured([p for p in conversation(GOOD) if p[IP].src == HEAD]))
    assert WIRE_SEEN in reds(captured(conversation(GOOD[-4:], dialled=False)))


def test_others_traffic_is_not_looked_at() -> None:
    packets = conversation(PREFACE, STRANGER, HEAD, from_port=50000)
    assert captured([*conversation(GOOD), *packets]) == captured(conversation(GOOD))


def test_ipv6_is_followed_too() -> None:
    packets = [
        IPv6(src=f"fd00::{p[IP].src[-1]}", dst=f"fd00::{p[IP].dst[-1]}") / p[TCP].copy() for p in conversation(GOOD)
    ]
    [flow] = captured(packets, IPV6).flows
    assert (flow.client, flow.begun, flow.there.broken, flow.back.broken) == ("fd00::1", True, 0, 0)


def test_only_first_bytes_are_kept() -> None:
    [flow] = captured(conversation(GOOD), keep=64).flows
    assert (len(flow.there.first), len(flow.back.first)) == (64, 64)
    assert flow.back.bytes > 27_000


def test_a_flow_that_crosses_nodes_is_one_and_the_fuller_sight_of_it_stays() -> None:
    here, there = captured(conversation(GOOD)), captured(conversation(GOOD)[20:])
    assert len(together([there, here]).flows) == 1
    assert together([there, here]).flows == together([here, there]).flows
    assert together([there, here]).flows[0].begun


def test_a_lost_packet_does_not_make_what_follows_look_broken() -> None:
    packets = conversation(GOOD)
    lost = [p for n, p in enumerate(packets) if n not in (60, 61)]
    [flow] = captured(lost).flows
    assert (flow.back.gaps + flow.there.gaps, flow.back.broken, flow.there.broken) == (1, 0, 0)


@pytest.mark.parametrize("text", ["", "nothing", MARK + "{}", MARK + '{"packets": "many"}'])
def test_what_is_no_capture_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_capture(text, "node")


@given(st.binary(max_size=200))
def test_no_bytes_upset_the_reader_of_greetings(first: bytes) -> None:
    version = negotiated(first)
    assert version is None or 0 <= version <= 0xFFFF


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([IPV4, IPV6, 0x0806]), st.binary(max_size=120))))
def test_no_packet_upsets_the_program(packets: list[tuple[int, bytes]]) -> None:
    wire = Wire([HEAD, WORKER, "0.0.0.0", "::"], 100, 3)
    for kind, packet in packets:
        wire.see(kind, packet)
    parse_capture(MARK + json.dumps({**wire.told(), "dropped": 0, "began": BEGAN, "ended": ENDED}), "node")
