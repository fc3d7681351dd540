"""The wire as a witness: flows between Ray pods as raymesh/inside/wire.py saw them, and the TLS greetings in them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from raymesh.errors import Unreadable
from raymesh.witness.fields import Field, read_json
from raymesh.witness.http import Recorder

PROGRAM = Path(__file__).parents[1] / "inside" / "wire.py"
MARK = "raymesh-wire "
KEEP, MOST_FLOWS = 2048, 20_000
# RFC 8446: 4.1.2, 4.1.3, 4.2.1 and 5.1.
HANDSHAKE, CLIENT_HELLO, SERVER_HELLO = 22, 1, 2
SUPPORTED_VERSIONS, TLS_1_3 = 43, 0x0304
OTHER_FIELDS = 5


@dataclass(frozen=True)
class Sent:
    """One direction of a flow. `first` are its first bytes, empty unless it was seen from its beginning (`whole`).

    `records` are TLS records that follow each other, `broken` how often something else came where one had to begin.
    `words` are the protocols of Ray's that could be read.
    """

    first: bytes
    whole: bool
    bytes: int
    segments: int
    records: int
    broken: int
    gaps: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Flow:
    """A TCP connection. Where its beginning was not seen (`begun`), which end is the client is not known."""

    client: str
    client_port: int
    server: str
    server_port: int
    begun: bool
    open: bool
    there: Sent
    back: Sent

    def __str__(self) -> str:
        return f"{self.client}:{self.client_port} -> {self.server}:{self.server_port}"


@dataclass(frozen=True)
class Other:
    """Packets of another protocol than TCP, by its number in the IP header. Port is 0 where it has none."""

    protocol: int
    source: str
    target: str
    port: int
    packets: int

    def __str__(self) -> str:
        return f"{self.packets} packets of IP protocol {self.protocol} {self.source} -> {self.target}:{self.port}"


@dataclass(frozen=True)
class Capture:
    """What one node saw between two times, in seconds since the epoch by its own clock.

    `dropped` packets came too fast, flows of `left_out` packets were too many.
    """

    node: str
    began: float
    ended: float
    packets: int
    dropped: int
    left_out: int
    flows: tuple[Flow, ...]
    others: tuple[Other, ...]


RunOnNode = Callable[[str, str, float], str]
"""Runs the program on a node: the node, its standard input, the seconds it may take; returns what it printed."""


@dataclass(frozen=True)
class Wire:
    """Whoever listens on the nodes."""

    nodes: Sequence[str]
    run: RunOnNode
    record: Recorder

    def listen(self, node: str, addresses: Collection[str], *, seconds: float, within: float) -> Capture:
        """Listen on one node. Raises Unreadable, and what `run` raises."""
        wanted = {"addresses": sorted(addresses), "seconds": seconds, "keep": KEEP, "flows": MOST_FLOWS}
        printed = self.run(node, json.dumps(wanted), within)
        # What was sent is not kept: the greetings alone are what it is judged by, and they hold names.
        capture = parse_capture(printed, node)
        self.record(f"wire-{node}", json.dumps([str(flow) for flow in capture.flows]))
        return capture


def parse_capture(text: str, node: str) -> Capture:
    """Read what the program printed. Raises Unreadable."""
    lines = [line for line in text.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        raise Unreadable(f"wire: wants one line that begins with {MARK!r}, has {len(lines)} in {text[:200]!r}")
    root = read_json(lines[0].removeprefix(MARK), "wire")
    return Capture(
        node,
        root["began"].number(),
        root["ended"].number(),
        root["packets"].integer(),
        root["dropped"].integer(),
        root["left_out"].integer(),
        tuple(_flow(flow) for flow in root["flows"].items()),
        tuple(_other(other) for other in root["others"].items()),
    )


def _flow(flow: Field) -> Flow:
    client, server = flow["client"].items(), flow["server"].items()
    return Flow(
        client[0].text(),
        client[1].integer(),
        server[0].text(),
        server[1].integer(),
        begun=flow["begun"].flag(),
        open=flow["open"].flag(),
        there=_sent(flow["there"]),
        back=_sent(flow["back"]),
    )


def _sent(sent: Field) -> Sent:
    try:
        first = base64.b64decode(sent["first"].text(), validate=True)
    except binascii.Error:
        raise sent["first"].unreadable("base64") from None
    return Sent(
        first,
        sent["whole"].flag(),
        sent["bytes"].integer(),
        sent["segments"].integer(),
        sent["records"].integer(),
        sent["broken"].integer(),
        sent["gaps"].integer(),
        tuple(word.text() for word in sent["words"].items()),
    )


def _other(other: Field) -> Other:
    parts = other.items()
    if len(parts) != OTHER_FIELDS:
        raise other.unreadable("protocol, source, target, port, packets")
    return Other(
        parts[0].integer(), parts[1].text(), parts[2].text(), port=parts[3].integer(), packets=parts[4].integer()
    )


def is_client_hello(first: bytes) -> bool:
    """Whether these first bytes of a connection are a TLS ClientHello."""
    return len(first) > 5 and first[0] == HANDSHAKE and first[1] == 3 and first[5] == CLIENT_HELLO  # noqa: PLR2004 - RFC 8446, 5.1


def negotiated(first: bytes) -> int | None:
    """Return the version that a ServerHello chose, such as 0x0304; None where the first bytes are none."""
    record = memoryview(first)
    if len(record) < 44 or record[0] != HANDSHAKE or record[1] != 3 or record[5] != SERVER_HELLO:  # noqa: PLR2004 - as above
        return None
    version = int.from_bytes(record[9:11], "big")
    at = 43 + 1 + record[43] + 3  # past random, session id, cipher suite and compression
    end = min(len(record), at + 2 + int.from_bytes(record[at : at + 2], "big"))
    at += 2
    while at + 4 <= end:
        kind, length = int.from_bytes(record[at : at + 2], "big"), int.from_bytes(record[at + 2 : at + 4], "big")
        if kind == SUPPORTED_VERSIONS:
            return int.from_bytes(record[at + 4 : at + 6], "big")
        at += 4 + length
    return version


def together(captures: Sequence[Capture]) -> Capture:
    """Return all captures as one, of the time in which each was made.

    A flow that crosses nodes is seen by both, and the fuller sight of it stays.
    """
    best: dict[tuple[tuple[str, int], ...], Flow] = {}
    for flow in (flow for capture in captures for flow in capture.flows):
        key = tuple(sorted([(flow.client, flow.client_port), (flow.server, flow.server_port)]))
        known = best.get(key)
        words = {*flow.there.words, *flow.back.words} | ({*known.there.words, *known.back.words} if known else set())
        fuller = flow if known is None or (flow.begun, flow.there.bytes) > (known.begun, known.there.bytes) else known
        best[key] = replace(fuller, there=replace(fuller.there, words=tuple(sorted(words))))
    return Capture(
        ", ".join(capture.node for capture in captures),
        max(capture.began for capture in captures),
        min(capture.ended for capture in captures),
        sum(capture.packets for capture in captures),
        sum(capture.dropped for capture in captures),
        sum(capture.left_out for capture in captures),
        tuple(best.values()),
        tuple(other for capture in captures for other in capture.others),
    )
