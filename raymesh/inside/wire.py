"""Runs in a pod on a node's own network: what goes from Ray pod to Ray pod there, flow by flow, for some seconds.

Takes a JSON object from standard input: `addresses` of the pods, `seconds`, `keep` (first bytes that are kept of each
direction), `flows` (the most that are followed). Prints one line: the mark, and a JSON object behind it. No packet is
stored: of a flow only its first bytes are kept, and of the rest whether TLS records follow each other without a gap,
and which words of Ray's protocols were to be read.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import struct
import sys
import time

MARK = "raymesh-wire "
IPV4, IPV6, TCP, UDP = 0x0800, 0x86DD, 6, 17
IPV4_HEADER, IPV6_HEADER, TCP_HEADER, UDP_HEADER = 20, 40, 20, 8  # at least
FIN, SYN, RST, ACK = 1, 2, 4, 16
HEADER, LONGEST = 5, 16384 + 256  # of a TLS record (RFC 8446, 5.2)
RECORDS = (20, 21, 22, 23)
# What nobody may read. Each is so long that ciphertext has it by chance once in millions of years.
WORDS = {
    "HTTP/2 preface": re.compile(rb"PRI \* HTTP/2\.0\r\n"),
    "gRPC": re.compile(rb"/ray\.rpc\.|application/grpc"),
    "HTTP/1": re.compile(rb"^(?:GET|POST|PUT|HEAD|DELETE|HTTP/1\.[01]) [^\r\n]{1,200}\r\n"),
    "Redis": re.compile(rb"^\*\d{1,6}\r\n\$\d{1,9}\r\n"),
    "pickle": re.compile(rb"\x80[\x04\x05]\x95....\x00\x00\x00\x00", re.DOTALL),
}
SOL_PACKET, PACKET_STATISTICS = 263, 6  # linux/if_packet.h
BUFFER = 64 * 2**20


class Direction:
    """One direction of a flow: its first bytes, and the TLS records in what follows."""

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.first = bytearray()
        self.start: int | None = None  # sequence number of the first byte, where the SYN was seen
        self.end: int | None = None  # what comes next if nothing was lost
        self.record: int | None = None  # where the next record begins, once one was found
        self.bytes = self.segments = self.records = self.broken = self.gaps = 0
        self.words: set[str] = set()
        self.dialled = False

    def take(self, seq: int, payload: bytes) -> None:
        if self.end is not None:
            known = (self.end - seq) & 0xFFFFFFFF
            if known < 2**31:  # seen before, at least in part: each packet passes two links of its node
                payload = payload[known:]
                seq = self.end
                if not payload:
                    return
            else:
                self.gaps += 1
                self.record = None
                self.start = None if len(self.first) < self.keep else self.start
        if self.start is not None and len(self.first) < self.keep:
            self.first += payload[: self.keep - len(self.first)]
        self.end = (seq + len(payload)) & 0xFFFFFFFF
        self.bytes += len(payload)
        self.segments += 1
        self.words |= {name for name, word in WORDS.items() if word.search(payload)}
        self.walk(seq, payload)

    def walk(self, seq: int, payload: bytes) -> None:
        at = 0 if self.record is None else (self.record - seq) & 0xFFFFFFFF
        while at < len(payload):
            header = payload[at : at + HEADER]
            if len(header) < HEADER:  # it goes on in the next segment
                self.record = None
                return
            if not is_record(header):
                self.broken += self.record is not None
                self.record = None
                return
            self.records += 1
            at += HEADER + int.from_bytes(header[3:], "big")
            self.record = (seq + at) & 0xFFFFFFFF

    def told(self) -> dict[str, object]:
        whole = self.start is not None
        return {
            "first": base64.b64encode(self.first).decode() if whole else "",
            "whole": whole,
            "bytes": self.bytes,
            "segments": self.segments,
            "records": self.records,
            "broken": self.broken,
            "gaps": self.gaps,
            "words": sorted(self.words),
        }


def is_record(header: bytes) -> bool:
    kind, major, minor, length = struct.unpack("!BBBH", header)
    return kind in RECORDS and major == 3 and minor in (1, 3) and 0 < length <= LONGEST  # noqa: PLR2004 - TLS


class Wire:
    """All that was to be seen so far between the addresses."""

    def __init__(self, addresses: list[str], keep: int, flows: int) -> None:
        self.addresses, self.keep, self.most = set(addresses), keep, flows
        self.flows: dict[tuple[str, int, str, int], Direction] = {}
        self.closed: set[tuple[str, int, str, int]] = set()
        self.others: dict[tuple[int, str, str, int], int] = {}
        self.packets = self.left_out = 0

    def see(self, kind: int, packet: bytes) -> None:
        """Take one packet, from its IP header on."""
        if kind == IPV4 and len(packet) >= IPV4_HEADER:
            length, protocol = (packet[0] & 15) * 4, packet[9]
            source, target = (socket.inet_ntop(socket.AF_INET, packet[a : a + 4]) for a in (12, 16))
            part = int.from_bytes(packet[6:8], "big") & 0x3FFF
            end = int.from_bytes(packet[2:4], "big") or len(packet)
        elif kind == IPV6 and len(packet) >= IPV6_HEADER:
            length, protocol, part = IPV6_HEADER, packet[6], 0
            source, target = (socket.inet_ntop(socket.AF_INET6, packet[a : a + 16]) for a in (8, 24))
            end = IPV6_HEADER + int.from_bytes(packet[4:6], "big") or len(packet)
        else:
            return
        if source not in self.addresses or target not in self.addresses or source == target:
            return
        self.packets += 1
        body = packet[length:end]
        if protocol == TCP and not part and len(body) >= TCP_HEADER:
            self.tcp(source, target, body)
        else:
            port = int.from_bytes(body[2:4], "big") if protocol == UDP and len(body) >= UDP_HEADER else 0
            key = (protocol, source, target, port)
            self.others[key] = self.others.get(key, 0) + 1

    def tcp(self, source: str, target: str, body: bytes) -> None:
        sport, dport, seq = struct.unpack("!HHI", body[:8])
        payload, flags = body[(body[12] >> 4) * 4 :], body[13]
        there, back = (source, sport, target, dport), (target, dport, source, sport)
        if there not in self.flows:
            if len(self.flows) >= 2 * self.most:
                self.left_out += 1
                return
            self.flows[there], self.flows[back] = Direction(self.keep), Direction(self.keep)
        direction = self.flows[there]
        if flags & SYN and direction.end is None:
            direction.start = direction.end = (seq + 1) & 0xFFFFFFFF
            direction.dialled = not flags & ACK
        elif payload:
            direction.take(seq, payload)
        if flags & (FIN | RST):
            self.closed.add(min(there, back))

    def told(self) -> dict[str, object]:
        """Return it as JSON can hold it: each flow once, from the side that dialled where that was seen."""
        flows = []
        for key, direction in self.flows.items():
            back = key[2:] + key[:2]
            other = self.flows[back]
            dialled, answered = direction.dialled, other.dialled
            if answered or (not dialled and key > back):
                continue  # told from the other side
            flows.append(
                {
                    "client": list(key[:2]),
                    "server": list(key[2:]),
                    "begun": dialled,
                    "open": min(key, back) not in self.closed,
                    "there": direction.told(),
                    "back": other.told(),
                }
            )
        others = [[*key, count] for key, count in sorted(self.others.items())]
        return {"packets": self.packets, "flows": flows, "others": others, "left_out": self.left_out}


def main() -> None:
    wanted = json.load(sys.stdin)
    wire = Wire(wanted["addresses"], wanted["keep"], wanted["flows"])
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as tap:  # 3: every protocol
        try:
            tap.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER)
        except PermissionError:  # without CAP_NET_ADMIN the system's own limit holds
            tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        began = time.time()
        end = time.monotonic() + wanted["seconds"]
        while (left := end - time.monotonic()) > 0:
            tap.settimeout(left)
            try:
                packet, address = tap.recvfrom(2**17)
            except socket.timeout:  # noqa: UP041 - before Python 3.10 it is another class
                break
            wire.see(address[1], packet)
        _, dropped = struct.unpack("II", tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        ended = time.time()
    print(MARK + json.dumps({**wire.told(), "dropped": dropped, "began": began, "ended": ended}))


if __name__ == "__main__":
    main()
