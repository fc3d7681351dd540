"""The wire: what goes from Ray pod to Ray pod, packet by packet, reading neither Prometheus nor Kiali nor a sidecar."""

from __future__ import annotations

from collections.abc import Sequence

from raymesh.subject import RayPod
from raymesh.verdicts.catalog import WIRE, WIRE_CLEAR, WIRE_OTHERS, WIRE_SEEN, WIRE_TLS
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.wire import TLS_1_3, Capture, Flow, Sent, is_client_hello, negotiated


def encrypted_on_the_wire(capture: Capture, members: Sequence[RayPod]) -> Findings:
    """Judge one capture between the Ray pods, made while they worked."""
    return (_seen(capture, members), _tls(capture), _clear(capture), _others(capture))


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
