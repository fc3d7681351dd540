"""The wire: what goes from Ray pod to Ray pod, packet by packet, reading neither Prometheus nor Kiali nor a sidecar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from raymesh.subject import RayPod
from raymesh.verdicts.catalog import WIRE, WIRE_CLEAR, WIRE_OTHERS, WIRE_SEEN, WIRE_TLS
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.connections import Connection, End, Told
from raymesh.witness.sockets import State
from raymesh.witness.wire import TLS_1_3, Capture, Flow, Sent, is_client_hello, negotiated

TWICE = 2
ASKED_SECONDS = 0.5  # from when a pod begins to ask its kernel until it has the answer
LIVE = (State.ESTABLISHED, State.CLOSE_WAIT)  # those that a program still holds


def encrypted_on_the_wire(
    capture: Capture, members: Sequence[RayPod], told: Mapping[str, Sequence[Told]] | None = None
) -> Findings:
    """Judge one capture between the Ray pods, made while they worked.

    `told` is what each pod, by name, said of its connections meanwhile, one time after the other; without it the
    capture is not matched with them.
    """
    matched = () if told is None else (_accounted(capture, members, told),)
    return (_seen(capture, members), *matched, _tls(capture), _clear(capture), _others(capture))


def _seen(capture: Capture, members: Sequence[RayPod]) -> Finding:
    """A pod of which nothing was seen proves nothing, and neither does what came too fast to be looked at."""
    sent = {ip for flow in capture.flows for ip, way in _ways(flow) if way.bytes}
    silent = [one.name for one in members if one.ip not in sent]
    begun = sum(flow.begun for flow in capture.flows)
    return Finding(
        WIRE_SEEN,
        ok=bool(members) and bool(begun) and not silent and not capture.dropped and not capture.left_out,
        expected=f"bytes from each of {len(members)} Ray pods to another, new connections among them, none dropped",
        seen=f"{capture.packets} packets, {begun} connections from their beginning, {capture.dropped} dropped, "
        f"{capture.left_out} of too many flows; silent: {some(silent)}",
        witness=WIRE,
        figures={"packets": capture.packets, "flows": len(capture.flows), "begun": begun, "dropped": capture.dropped},
    )


@dataclass(frozen=True)
class _Link:
    """A connection that leaves its pod: who dialled, the address and, where it is known, the port that was dialled."""

    client: End
    server: str
    port: int | None

    @property
    def key(self) -> tuple[End, str]:
        """The same at both ends."""
        return self.client, self.server

    def __str__(self) -> str:
        return f"{self.client[0]}:{self.client[1]} -> {self.server}:{self.port or 'a sidecar'}"


def _accounted(capture: Capture, members: Sequence[RayPod], told: Mapping[str, Sequence[Told]]) -> Finding:
    """What the pods' sockets sent meanwhile is among the flows, and a flow that was there all the time has sockets.

    A connection that is in both tables and whose bytes the kernel has not counted on is idle: nothing of it can be on
    the wire. One that is in one of them alone began or ended meanwhile, with packets of its own.
    """
    ips = {one.ip for one in members}
    pairs = {pair: flow for flow in capture.flows for pair in _pairs(flow)}
    known: set[tuple[End, str]] = set()
    of_others: set[tuple[End, str]] = set()
    idle: set[tuple[End, str]] = set()
    missing: set[str] = set()
    unread: list[str] = []
    ends: dict[tuple[End, str], set[str]] = {}
    for one in members:
        tables = _meanwhile(capture, told.get(one.name, ()))
        if len(tables) < TWICE:
            unread.append(one.name)
            continue
        before, after = _links(one.ip, tables[0], tables[-1], ips)
        for link in before.keys() | after.keys():
            sockets = [table[link] for table in (before, after) if link in table]
            ends.setdefault(link.key, set()).add(one.ip)
            if not all(socket.of_sidecar for socket in sockets):
                of_others.add(link.key)
            if (link.client, link.server, link.port) in pairs:
                known.add(link.key)
            elif len(sockets) == TWICE and _bytes(sockets[0]) == _bytes(sockets[1]):
                idle.add(link.key)
            else:
                missing.add(str(link))
    nobodys = [str(flow) for flow in capture.flows if _lasted(flow) and len(_ends(flow, ends)) < TWICE]
    return Finding(
        WIRE_SEEN,
        ok=bool(members) and bool(known) and not (unread or missing or nobodys),
        expected="each connection whose bytes the kernel counted on is among the flows, and each flow that was there "
        "all the time has a socket at both ends",
        seen=f"{len(known)} connections of the sockets among {len(capture.flows)} flows, {len(idle - known)} idle; "
        f"sent and not seen: {some(sorted(missing))}; of no socket: {some(nobodys)}; "
        f"not asked twice meanwhile: {some(unread)}",
        witness=WIRE,
        about="the sockets",
        figures={
            "matched": len(known),
            "of sidecars": len(known - of_others),
            "idle": len(idle - known),
            "unaccounted for": len(missing) + len(nobodys),
        },
    )


def _pairs(flow: Flow) -> Iterator[tuple[End, str, int | None]]:
    """Each end with the other's address, with its port and without; which one dialled is not always known."""
    client, server = (flow.client, flow.client_port), (flow.server, flow.server_port)
    for one, other in ((client, server), (server, client)):
        yield one, other[0], other[1]
        yield one, other[0], None


def _lasted(flow: Flow) -> bool:
    """Whether it was there before and after, and said something."""
    return not flow.begun and flow.open and bool(flow.there.bytes or flow.back.bytes)


def _ends(flow: Flow, ends: Mapping[tuple[End, str], set[str]]) -> set[str]:
    """Return the addresses of the pods that have a socket of it."""
    one, other = (flow.client, flow.client_port), (flow.server, flow.server_port)
    return ends.get((one, other[0]), set()) | ends.get((other, one[0]), set())


def _meanwhile(capture: Capture, told: Iterable[Told]) -> list[Told]:
    return sorted(
        (one for one in told if capture.began < one.at < capture.ended - ASKED_SECONDS), key=lambda one: one.at
    )


def _links(ip: str, before: Told, after: Told, members: set[str]) -> list[dict[_Link, Connection]]:
    """Return the pod's connections to and from other members that leave it, by what they are on the wire.

    What the sidecar takes in was redirected to a port of its own. What the application dials is redirected to the
    sidecar, which has a socket of the same end: that one stays inside.
    """
    both = (*before.sockets, *after.sockets)
    listened = {one.local[1] for one in both if one.state == State.LISTEN}
    inside = {one.remote for one in both if one.local[1] in listened}
    tables: list[dict[_Link, Connection]] = []
    for told in (before, after):
        links: dict[_Link, Connection] = {}
        for one in told.sockets:
            if one.state not in LIVE or one.local[0] != ip or one.remote[0] not in members - {ip}:
                continue
            if one.local[1] in listened:
                links[_Link(one.remote, ip, None if one.of_sidecar else one.local[1])] = one
            elif one.of_sidecar or one.local not in inside:
                links[_Link(one.local, *one.remote)] = one
        tables.append(links)
    return tables


def _bytes(one: Connection) -> tuple[int, int]:
    return one.sent, one.received


def _tls(capture: Capture) -> Finding:
    spoke = [flow for flow in capture.flows if flow.there.bytes or flow.back.bytes]
    wrong = [f"{flow}: {why}" for flow in spoke if (why := _not_tls(flow))]
    return Finding(
        WIRE_TLS,
        ok=bool(spoke) and not wrong,
        expected="each connection begins with a ClientHello and is TLS 1.3; one that was there before: records alone",
        seen=f"{len(spoke)} connections, otherwise: {some(wrong)}",
        witness=WIRE,
        figures={"flows": len(spoke), "records": sum(f.there.records + f.back.records for f in spoke)},
    )


def _not_tls(flow: Flow) -> str:
    """Say what is wrong with a connection, or nothing."""
    if flow.begun and flow.there.whole and flow.there.bytes:
        if not is_client_hello(flow.there.first):
            return f"begins with {flow.there.first[:12]!r}"
        if flow.back.whole and flow.back.bytes and (version := negotiated(flow.back.first)) != TLS_1_3:
            return f"TLS version {version:#06x}" if version else f"is answered with {flow.back.first[:12]!r}"
    for ip, sent in _ways(flow):
        if sent.broken:
            return f"{sent.broken} times no TLS record where one had to begin, from {ip}"
        if sent.bytes and not sent.records:
            return f"{sent.bytes} bytes from {ip} without a TLS record"
    return ""


def _clear(capture: Capture) -> Finding:
    read = [f"{flow}: {', '.join(words)}" for flow in capture.flows if (words := flow.there.words + flow.back.words)]
    return Finding(
        WIRE_CLEAR,
        ok=bool(capture.flows) and not read,
        expected="no HTTP, gRPC, Redis or pickle that could be read",
        seen=f"{len(capture.flows)} connections, of which could be read: {some(read)}",
        witness=WIRE,
        figures={"flows": len(capture.flows), "read": len(read)},
    )


def _others(capture: Capture) -> Finding:
    return Finding(
        WIRE_OTHERS,
        ok=bool(capture.flows) and not capture.others,
        expected="TCP alone",
        seen=f"{len(capture.flows)} TCP connections, besides: {some(capture.others)}",
        witness=WIRE,
        figures={"others": sum(other.packets for other in capture.others)},
    )


def _ways(flow: Flow) -> tuple[tuple[str, Sent], ...]:
    return ((flow.client, flow.there), (flow.server, flow.back))
