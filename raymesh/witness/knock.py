"""Clients that knock at Ray's ports, and what happened to each: raymesh/inside/client.py runs inside a pod."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from raymesh.errors import Unreadable
from raymesh.ports import AppProtocol, Contract, Role
from raymesh.subject import RayPod
from raymesh.witness.fields import Field, optional_text, read_json
from raymesh.witness.http import Recorder

PROGRAM = Path(__file__).parents[1] / "inside" / "client.py"

ClientName = Literal[
    "plaintext",
    "TLS 1.2 with the mesh's certificate",
    "TLS 1.3 with the mesh's certificate",
    "TLS 1.3 without certificate",
    "TLS 1.3, self-signed",
    "TLS 1.3, foreign CA",
    "in the mesh",
]
CLIENTS: tuple[ClientName, ...] = get_args(ClientName)

Kind = Literal[
    "alert",  # TLS: the other side said why it refuses
    "closed",  # the connection was ended before a byte came back
    "reset",  # so it was, by a TCP reset
    "http",
    "grpc",
    "bytes",  # an answer, neither of the two
    "not TLS",  # an answer to a TLS greeting that is no TLS
    "nobody listens",
    "no route",  # no such name, no way to the address, or the name leads elsewhere
    "silence",
    "unable",  # the client's own trouble: it proves nothing
]
Stage = Literal["connecting", "connected", "handshake", "secured"]  # secured: the client holds the handshake done
Author = Literal["application", "Envoy", "somebody", ""]  # somebody: it can't be told from the answer

# RFC 8446 (appendix B.2) and RFC 5246 (7.2), as OpenSSL spells them.
ALERTS = (
    *("close_notify", "unexpected_message", "bad_record_mac", "decryption_failed", "record_overflow"),
    *("decompression_failure", "handshake_failure", "no_certificate", "bad_certificate", "unsupported_certificate"),
    *("certificate_revoked", "certificate_expired", "certificate_unknown", "illegal_parameter", "unknown_ca"),
    *("access_denied", "decode_error", "decrypt_error", "export_restriction", "protocol_version"),
    *("insufficient_security", "internal_error", "inappropriate_fallback", "user_cancelled", "no_renegotiation"),
    *("missing_extension", "unsupported_extension", "certificate_unobtainable", "unrecognized_name"),
    *("bad_certificate_status_response", "bad_certificate_hash_value", "unknown_psk_identity"),
    *("certificate_required", "no_application_protocol"),
)
GRPC_STATUSES = (  # by number: grpc/grpc, doc/statuscodes.md
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
ENVOY_SERVERS = ("envoy", "istio-envoy")
# What Envoy writes itself is of one of these types, without a charset (source/common/http/utility.cc, sendLocalReply).
ENVOY_TYPES = ("", "text/plain")
ENVOY_BODIES = ("upstream ", "no healthy upstream", "RBAC: access denied", "fault filter abort")
EXPOSITION = ("# HELP ", "# TYPE ")  # how Prometheus' text begins, which some servers send as bare text/plain
BAD_REQUEST = 400
# How long a client waits for an alert before it speaks, as a share of its patience. In a healthy mesh a refusal ends
# the wait at once; who is to be served would pay for it at every port.
SILENT_TO_BE_REFUSED, SILENT_TO_BE_SERVED = 1.0, 0.2
# What answers 200 on Ray's HTTP servers, by the contract's name of the port; elsewhere an application's 404 does.
PATHS = {
    "dashboard-port": "/api/version",
    "dashboard-agent-listen-port": "/api/local_raylet_healthz",
    "metrics-export-port": "/metrics",
    "autoscaler-metrics": "/metrics",
    "dashboard-metrics": "/metrics",
}


@dataclass(frozen=True)
class Target:
    """A port of a Ray pod. One where nobody `listens` is known and never knocked at: its silence proves nothing."""

    pod: str
    role: Role
    host: str  # the name by which Ray dials it
    ip: str
    port: int
    speaks: AppProtocol  # tcp: it is not known what
    path: str = "/"  # what a GET asks for, where it speaks HTTP
    listens: bool = True

    def __str__(self) -> str:
        return f"{self.pod}:{self.port}"


@dataclass(frozen=True)
class Outcome:
    """What happened to one client at one port."""

    kind: Kind
    stage: Stage
    alert: str = ""  # its name, of kind `alert`
    status: str = ""  # a number of HTTP, or a word of gRPC
    by: Author = ""  # of kinds `http` and `grpc`
    detail: str = ""

    def __str__(self) -> str:
        said = {
            "alert": f"TLS alert {self.alert}",
            "http": f"HTTP {self.status} by {self.by}",
            "grpc": f"gRPC {self.status} by {self.by}",
        }.get(self.kind, self.kind)
        detail = f" ({self.detail})" if self.detail else ""
        return f"{said}, {STAGE_WORDS[self.stage]}{detail}"


STAGE_WORDS: Mapping[Stage, str] = {
    "connecting": "before a connection",
    "connected": "on the bare connection",
    "handshake": "in the handshake",
    "secured": "after the handshake",
}


@dataclass(frozen=True)
class Knock:
    """One attempt of one client at one port, and how it ended."""

    client: ClientName
    target: Target
    outcome: Outcome

    def __str__(self) -> str:
        return f"{self.client} at {self.target}: {self.outcome}"


@dataclass(frozen=True)
class Certificate:
    """What a client shows: files in its pod, or a chain with its key in one PEM text, which no log may hold."""

    chain: str = ""
    key: str = ""
    pem: str = field(default="", repr=False)


def targets(
    members: Sequence[RayPod],
    listening: Mapping[str, Collection[int]],
    contract: Contract,
    *,
    apart: Collection[int] = (),
) -> tuple[Target, ...]:
    """Return every port that listens in each Ray pod, and every fixed port of the contract that does not just then.

    `listening` are the numbers that other pods can reach, by pod; `apart` those of the sidecar itself. Of ranges that
    no Service declares only what listens is named. Raises Unreadable where a pod's sockets are not known: that is not
    the same as none.
    """
    found: list[Target] = []
    for pod in members:
        if pod.name not in listening:
            raise Unreadable(f"it is not known what listens in {pod.name}")
        heard = set(listening[pod.name]) - set(apart)
        declared = {
            number
            for port in contract.listeners(pod.role, pod.group)
            if port.numbers is not None and (port.declared_in != "none" or len(port.numbers) == 1)
            for number in port.numbers
        }
        for number in sorted(heard | declared):
            known = contract.port_at(number, pod.role, pod.group)
            speaks: AppProtocol = known.speaks if known else "tcp"
            path = PATHS.get(known.name, "/") if known else "/"
            listens = number in heard
            found.append(Target(pod.name, pod.role, pod.host, pod.ip, number, speaks, path, listens=listens))
    return tuple(found)


@dataclass(frozen=True)
class Means:
    """What the clients need: paths of the mesh's own certificate in the pod that runs them, and two forged ones."""

    mesh: Certificate = field(default_factory=Certificate)
    self_signed: Certificate = field(default_factory=Certificate)
    foreign: Certificate = field(default_factory=Certificate)

    def of(self, client: ClientName) -> dict[str, str | float]:
        """Return a client as the program in the pod takes it."""
        if client in ("plaintext", "in the mesh"):
            return {"how": "application" if client == "in the mesh" else "plaintext"}
        shown = {
            "TLS 1.2 with the mesh's certificate": self.mesh,
            "TLS 1.3 with the mesh's certificate": self.mesh,
            "TLS 1.3, self-signed": self.self_signed,
            "TLS 1.3, foreign CA": self.foreign,
        }.get(client)
        if shown is not None and not (shown.pem or (shown.chain and shown.key)):
            raise ValueError(f"{client}: no certificate was given")
        files = {} if shown is None else {"pem": shown.pem, "chain": shown.chain, "key": shown.key}
        version = "1.2" if client == "TLS 1.2 with the mesh's certificate" else "1.3"
        silent = SILENT_TO_BE_SERVED if shown is self.mesh else SILENT_TO_BE_REFUSED
        given = {key: text for key, text in files.items() if text}
        return {"how": "tls", "version": version, "silent": silent, **given}


RunInPod = Callable[[Sequence[str], str, float], str]
"""Runs a program in one pod: its argument list, its standard input, seconds; returns what it printed."""


@dataclass(frozen=True)
class Knocker:
    """One pod from which clients knock. The request, which may hold keys, is never recorded; the answer is."""

    name: str
    run: RunInPod
    record: Recorder

    def knock(
        self, clients: Sequence[ClientName], at: Iterable[Target], means: Means, *, patience: float, within: float
    ) -> tuple[Knock, ...]:
        """Let each client try each target that listens.

        `patience` is how long one connection, handshake or answer may take, `within` the deadline of all, in seconds.
        Raises Unreadable unless every attempt is accounted for, and what `run` raises.
        """
        listening = [target for target in at if target.listens]
        pairs = [(client, target) for client in clients for target in listening]
        frame = f"knock-{secrets.token_hex(8)} "
        wanted = {
            "frame": frame,
            "seconds": patience,
            "clients": [means.of(client) for client in clients],
            "targets": [
                {"host": t.host, "ip": t.ip, "port": t.port, "speaks": t.speaks, "path": t.path} for t in listening
            ],
            "attempts": [(c, t) for c in range(len(clients)) for t in range(len(listening))],
        }
        # The program goes first, as a line of JSON: kubectl's own errors show the argument list, and it stays short.
        stdin = f"{json.dumps(PROGRAM.read_text())}\n{json.dumps(wanted)}"
        printed = self.run(["python", "-c", START], stdin, within)
        self.record(f"knock-{self.name}", "\n".join(_framed(printed, frame)))
        return tuple(
            Knock(client, target, outcome)
            for (client, target), outcome in zip(pairs, parse_outcomes(printed, frame, len(pairs)), strict=True)
        )


START = "import json, sys; exec(json.loads(sys.stdin.readline()))"


def parse_outcomes(printed: str, frame: str, attempts: int) -> tuple[Outcome, ...]:
    """Read what the program printed, in the order of the attempts. Other programs' lines are left alone.

    Raises Unreadable where an attempt or the end is missing, or an attempt comes twice or ended in no known way.
    """
    lines = [read_json(line, f"knock line {number}") for number, line in enumerate(_framed(printed, frame))]
    done = lines[-1].find("done") if lines else None
    if done is None or done.integer() != attempts or len(lines) != attempts + 1:
        tail = printed[-500:]
        raise Unreadable(f"knock: {max(len(lines) - 1, 0)} of {attempts} attempts, and then {tail!r}")
    found = {line["attempt"].integer(): _outcome(line) for line in lines[:-1]}
    if set(found) != set(range(attempts)):
        raise Unreadable(f"knock: attempts {sorted(found)} instead of 0 to {attempts - 1}")
    return tuple(found[number] for number in range(attempts))


def _framed(printed: str, frame: str) -> list[str]:
    return [line.removeprefix(frame) for line in printed.splitlines() if line.startswith(frame)]


def _outcome(said: Field) -> Outcome:
    kind = cast("Kind", said["kind"].one_of(get_args(Kind)))
    stage = cast("Stage", said["stage"].one_of(get_args(Stage)))
    error = optional_text(said, "error")
    if kind == "alert":
        return Outcome(kind, stage, alert=said["alert"].one_of(ALERTS), detail=error)
    if kind == "bytes":
        return Outcome(kind, stage, detail=_shown(said["body"].text()))
    if kind not in ("http", "grpc"):
        return Outcome(kind, stage, detail=error)
    number = said["status"].integer()
    body = said["body"].text()
    message = said["message"].text()
    detail = _shown(message or body)
    if kind == "http":
        return Outcome(kind, stage, status=str(number), by=_author(said, number, body), detail=detail)
    if not 0 <= number < len(GRPC_STATUSES):
        raise said["status"].unreadable("a status of gRPC")
    # The request is gRPC to an application alone (see the program): Envoy's refusals of it have an HTTP status.
    return Outcome(kind, stage, status=GRPC_STATUSES[number], by="application", detail=detail)


def _author(said: Field, status: int, body: str) -> Author:
    """Tell who wrote an HTTP answer, by its form: a sidecar writes its own name over the application's, or none."""
    server = said["server"].text()
    if server and server not in ENVOY_SERVERS:
        return "application"
    if said["type"].text() not in ENVOY_TYPES or body.startswith(EXPOSITION):
        return "application"
    return "Envoy" if body.startswith(ENVOY_BODIES) or (server and status >= BAD_REQUEST) else "somebody"


def _shown(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", text).strip()[:80]
