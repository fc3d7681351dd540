"""The program that knocks, against real servers: Envoys configured as sidecars are, well and badly, and no mesh at all.

Each server stands for the one port of one Ray pod, so that its verdicts can be told from the others'.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesh.inside import client
from raymesh.machine.programs import run
from raymesh.ports import AppProtocol
from raymesh.verdicts.catalog import (
    ALL_TRIED,
    BEARER_SERVED,
    FOREIGN_REFUSED,
    INSIDER_SERVED,
    NO_CERTIFICATE_REFUSED,
    PLAINTEXT_REFUSED,
    SELF_SIGNED_REFUSED,
    TLS12_REFUSED,
    Verdict,
)
from raymesh.verdicts.finding import red, verdicts_of
from raymesh.verdicts.refusal import OUTSIDE, insiders, refusals
from raymesh.witness import forging
from raymesh.witness.knock import Certificate, ClientName, Knock, Knocker, Means, Target, parse_outcomes
from tests.unit.inside import servers
from tests.unit.inside.sidecars import Authority, Inbound

SPIFFE = "spiffe://cluster.local/ns/default/sa/default"
PATIENCE = 2.0
WITHIN = 120
ALERT_RECORD = 21
IDENTITY = {SELF_SIGNED_REFUSED, FOREIGN_REFUSED}
OUTSIDE_ALL = {PLAINTEXT_REFUSED, TLS12_REFUSED, NO_CERTIFICATE_REFUSED, *IDENTITY, BEARER_SERVED}
PLAIN: ClientName = "plaintext"
BEARER12: ClientName = "TLS 1.2 with the mesh's certificate"
BEARER13: ClientName = "TLS 1.3 with the mesh's certificate"
NO_CERTIFICATE: ClientName = "TLS 1.3 without certificate"
SELF_SIGNED: ClientName = "TLS 1.3, self-signed"
FOREIGN: ClientName = "TLS 1.3, foreign CA"
INSIDE: ClientName = "in the mesh"


@dataclass(frozen=True)
class Case:
    """A server, what its port speaks, and which verdicts it must turn red."""

    red: set[Verdict]
    speaks: AppProtocol = "http"
    sidecar: Inbound | None = None
    application: str = ""  # a word of APPLICATIONS; by default what speaks


def sidecar(protocol: str = "http", **what: object) -> Inbound:
    return replace(Inbound(0, 0, protocol), **what)  # type: ignore[arg-type]  # fields by name, as the table has them


CASES: Mapping[str, Case] = {
    "strict, http": Case(set(), sidecar=sidecar()),
    "strict, grpc": Case(set(), "grpc", sidecar("grpc")),
    "strict, declared tcp": Case(set(), "grpc", sidecar("tcp")),
    "strict, nothing known of it": Case(set(), "tcp", sidecar("tcp"), "deaf"),
    "strict, speaks first": Case(set(), "tcp", sidecar("tcp"), "greeter"),
    "accepts untrusted": Case(IDENTITY, sidecar=sidecar(validates="ACCEPT_UNTRUSTED")),
    "validates nothing": Case({NO_CERTIFICATE_REFUSED, *IDENTITY}, "grpc", sidecar("grpc", validates="")),
    "demands no certificate": Case({NO_CERTIFICATE_REFUSED}, sidecar=sidecar(demands_certificate=False)),
    "takes TLS 1.2": Case({TLS12_REFUSED}, sidecar=sidecar(minimum="TLSv1_2")),
    "permissive, http": Case({PLAINTEXT_REFUSED}, sidecar=sidecar(plaintext=True)),
    "permissive, grpc": Case({PLAINTEXT_REFUSED}, "grpc", sidecar("grpc", plaintext=True)),
    "permissive, declared tcp": Case({PLAINTEXT_REFUSED}, "grpc", sidecar("tcp", plaintext=True)),
    "permissive, http declared grpc": Case(
        {PLAINTEXT_REFUSED, INSIDER_SERVED}, "http", sidecar("grpc", plaintext=True)
    ),
    "permissive, nobody, http": Case({PLAINTEXT_REFUSED, INSIDER_SERVED}, "http", sidecar(plaintext=True), "nobody"),
    "permissive, nobody, grpc": Case(
        {PLAINTEXT_REFUSED, INSIDER_SERVED}, "grpc", sidecar("grpc", plaintext=True), "nobody"
    ),
    "permissive, deaf": Case({PLAINTEXT_REFUSED}, "tcp", sidecar("tcp", plaintext=True), "deaf"),
    "strict, nobody, http": Case({INSIDER_SERVED}, "http", sidecar(), "nobody"),
    "strict, nobody, grpc": Case({INSIDER_SERVED}, "grpc", sidecar("grpc"), "nobody"),
    "denied, http": Case({INSIDER_SERVED}, "http", sidecar(denies=True)),
    "denied, grpc": Case({INSIDER_SERVED}, "grpc", sidecar("grpc", denies=True)),
    "mTLS disabled": Case({*OUTSIDE_ALL, INSIDER_SERVED}, "http", sidecar(mtls=False, plaintext=True)),
    "no mesh, http": Case(OUTSIDE_ALL),
    "no mesh, grpc": Case(OUTSIDE_ALL, "grpc"),
    "no mesh, http declared grpc": Case(OUTSIDE_ALL, "grpc", application="http"),
    "no mesh, deaf": Case(OUTSIDE_ALL, "tcp", application="deaf"),
    "no mesh, speaks first": Case(OUTSIDE_ALL, "tcp", application="greeter"),
    "no mesh, ends all at once": Case(OUTSIDE_ALL - {PLAINTEXT_REFUSED}, "tcp", application="curt"),
    "no mesh, only TLS 1.2": Case(OUTSIDE_ALL - {PLAINTEXT_REFUSED}, application="only TLS 1.2"),
    "no mesh, TLS 1.2 and 1.3": Case(OUTSIDE_ALL - {PLAINTEXT_REFUSED, BEARER_SERVED}, application="TLS 1.2 and 1.3"),
    "no mesh, its own CA": Case({TLS12_REFUSED, BEARER_SERVED}, application="its own CA"),
    "no mesh, the mesh's CA": Case({TLS12_REFUSED}, application="the mesh's CA"),
    "nobody at all": Case(OUTSIDE_ALL, application="nobody"),
}
ENDS: Mapping[tuple[str, ClientName], str] = {
    ("strict, http", PLAIN): "reset, on the bare connection",
    ("strict, grpc", BEARER12): "TLS alert protocol_version, in the handshake",
    ("strict, grpc", NO_CERTIFICATE): "TLS alert certificate_required, after the handshake",
    ("strict, declared tcp", SELF_SIGNED): "TLS alert unknown_ca, after the handshake",
    ("strict, http", FOREIGN): "TLS alert decrypt_error, after the handshake",
    ("strict, grpc", BEARER13): "gRPC UNIMPLEMENTED by application, after the handshake",
    ("strict, http", BEARER13): "HTTP 200 by application, after the handshake",
    ("strict, grpc", INSIDE): "gRPC UNIMPLEMENTED by application, on the bare connection",
    ("strict, http", INSIDE): "HTTP 200 by application, on the bare connection",
    ("strict, nothing known of it", BEARER13): "silence, after the handshake",
    ("takes TLS 1.2", BEARER12): "HTTP 200 by application, after the handshake",
    ("denied, grpc", INSIDE): "HTTP 403 by Envoy, on the bare connection (RBAC: access denied)",
    ("denied, http", BEARER13): "HTTP 403 by Envoy, after the handshake (RBAC: access denied)",
    ("permissive, nobody, grpc", PLAIN): "HTTP 503 by Envoy, on the bare connection",
    ("permissive, http declared grpc", PLAIN): "HTTP 502 by Envoy, on the bare connection",
    ("permissive, deaf", PLAIN): "silence, on the bare connection",
    ("no mesh, http", BEARER12): "not TLS, in the handshake",
    ("no mesh, deaf", NO_CERTIFICATE): "silence, in the handshake",
    ("no mesh, speaks first", PLAIN): "bytes, on the bare connection (220 ready)",
    ("no mesh, ends all at once", BEARER13): "closed, in the handshake",
    ("no mesh, only TLS 1.2", NO_CERTIFICATE): "TLS alert protocol_version, in the handshake",
    ("no mesh, its own CA", SELF_SIGNED): "TLS alert unknown_ca, after the handshake",
    ("nobody at all", PLAIN): "nobody listens, before a connection",
}
"""What happened, in words, where it matters most."""


@dataclass(frozen=True)
class Knocked:
    """What all clients met."""

    outside: Sequence[Target]
    inside: Sequence[Target]
    knocks: Sequence[Knock]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The mesh's CA, and the certificate of a workload."""
    return servers.new_authority(tmp_path_factory.mktemp("mesh"), SPIFFE)


@contextmanager
def applications(folder: Path, authority: Authority) -> Iterator[Mapping[str, int]]:
    """Run one application of each kind, and yield their ports."""
    other = folder / "other"
    other.mkdir()
    own = servers.new_authority(other, SPIFFE)
    handlers = {"deaf": servers.Deaf, "greeter": servers.Greeter, "curt": servers.Curt}
    highest = ssl.TLSVersion.TLSv1_3
    contexts = {
        "http": None,
        "only TLS 1.2": servers.tls_only(own, highest=ssl.TLSVersion.TLSv1_2),
        "TLS 1.2 and 1.3": servers.tls_only(own, highest=highest),
        "its own CA": servers.tls_only(own, highest=highest, demands=own),
        "the mesh's CA": servers.tls_only(own, highest=highest, demands=authority),
    }
    names = [*handlers, *contexts, "grpc"]
    ports = dict(zip(names, servers.free_ports(len(names)), strict=True))
    with ExitStack() as stack:
        ports["nobody"] = stack.enter_context(servers.nobody())
        for name, handler in handlers.items():
            stack.enter_context(servers.serving(servers.Tcp((servers.LOOPBACK, ports[name]), handler)))
        for name, context in contexts.items():
            server = servers.Http((servers.LOOPBACK, ports[name]), servers.Answer)
            server.context = context
            stack.enter_context(servers.serving(server))
        stack.enter_context(servers.gcs(folder, ports["grpc"]))
        yield ports


@pytest.fixture(scope="module")
def knocked(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Knocked]:
    """All clients have knocked at all servers."""
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        ports = stack.enter_context(applications(folder, authority))
        free = iter(servers.free_ports(2 * len(CASES)))
        inbound: dict[str, Inbound] = {}
        for name, case in CASES.items():
            if case.sidecar:
                upstream = ports[case.application or case.speaks]
                inbound[name] = replace(case.sidecar, listens=next(free), upstream=upstream, outbound=next(free))
        stack.enter_context(servers.envoy(folder, list(inbound.values()), authority))
        outside = [
            target(name, case, inbound[name].listens if name in inbound else ports[case.application or case.speaks])
            for name, case in CASES.items()
        ]
        # What nothing is known of is no port that always serves.
        serving = {name: one for name, one in inbound.items() if CASES[name].speaks != "tcp"}
        inside = [target(name, CASES[name], one.outbound) for name, one in serving.items()]
        means = Means(
            Certificate(chain=str(authority.chain), key=str(authority.key)),
            forging.self_signed(SPIFFE),
            forging.foreign(SPIFFE, like=authority.root.read_text()),
        )
        knocker = Knocker("here", run_here, lambda _name, _answer: None)
        knocks = knocker.knock(OUTSIDE, outside, means, patience=PATIENCE, within=WITHIN)
        knocks += knocker.knock([INSIDE], inside, Means(), patience=PATIENCE, within=WITHIN)
        yield Knocked(outside, inside, knocks)


def target(name: str, case: Case, port: int) -> Target:
    return Target(name, "head", "localhost", servers.LOOPBACK, port, case.speaks)


def run_here(argv: Sequence[str], stdin: str, within: float) -> str:
    return run([sys.executable, *argv[1:]], stdin=stdin, timeout=within).stdout


@pytest.mark.parametrize("name", CASES)
def test_each_server_turns_red_what_it_does_wrong_and_nothing_else(knocked: Knocked, name: str) -> None:
    """The review's own cases among them: no verdict may be green where nobody speaks TLS, or nobody listens."""
    findings = refusals(knocked.knocks, knocked.outside, pods=[name])
    if any(one.pod == name for one in knocked.inside):
        findings += insiders(knocked.knocks, knocked.inside, pods=[name])
    assert verdicts_of(red(findings)) == CASES[name].red, [str(finding) for finding in findings]


@pytest.mark.parametrize(("name", "who"), ENDS)
def test_an_outcome_says_what_happened(knocked: Knocked, name: str, who: ClientName) -> None:
    [found] = [one for one in knocked.knocks if one.target.pod == name and one.client == who]
    assert str(found.outcome).startswith(ENDS[name, who])


def test_a_name_that_leads_elsewhere_is_no_refusal() -> None:
    """An outsider that knocks at another address than the pod's must not be turned away for that."""
    [port] = servers.free_ports(1)
    elsewhere = Target("p", "head", "localhost", "192.0.2.1", port, "http")
    unknown = replace(elsewhere, host="no-such-name.invalid")
    knocks = Knocker("here", run_here, lambda *_: None).knock(
        [PLAIN], [elsewhere, unknown], Means(), patience=PATIENCE, within=WITHIN
    )
    assert [one.outcome.kind for one in knocks] == ["no route", "no route"]


def test_a_certificate_that_is_not_there_is_the_clients_own_trouble() -> None:
    with ExitStack() as stack:
        server = servers.Tcp((servers.LOOPBACK, 0), servers.Deaf)
        stack.enter_context(servers.serving(server))
        at = Target("p", "head", "localhost", servers.LOOPBACK, server.server_address[1], "http")
        means = Means(mesh=Certificate(chain="/nowhere/chain.pem", key="/nowhere/key.pem"))
        [one] = Knocker("here", run_here, lambda *_: None).knock(
            [BEARER12], [at], means, patience=PATIENCE, within=WITHIN
        )
    assert (one.outcome.kind, one.outcome.stage) == ("unable", "connecting")
    assert "No such file" in one.outcome.detail
    tried = [f for f in refusals([one], [at], pods=["p"]) if f.verdict == ALL_TRIED]
    assert not tried[0].ok


def test_keys_are_neither_recorded_nor_shown() -> None:
    """What is kept for the artifacts is the program's answer; the request with the keys goes in by standard input."""
    kept: list[str] = []
    asked: list[Sequence[str]] = []

    def spy(argv: Sequence[str], stdin: str, within: float) -> str:
        asked.append(argv)
        return run_here(argv, stdin, within)

    forged = forging.self_signed(SPIFFE)
    with servers.nobody() as port:
        at = Target("p", "head", "localhost", servers.LOOPBACK, port, "http")
        knocker = Knocker("here", spy, lambda _name, answer: kept.append(answer))
        knocker.knock([SELF_SIGNED], [at], Means(self_signed=forged), patience=PATIENCE, within=WITHIN)
    key = forged.pem.split("PRIVATE KEY-----")[1].split()[0]
    assert key not in "".join([*kept, *map(repr, asked), repr(forged)])
    assert "nobody listens" in kept[0]


@pytest.mark.parametrize(
    ("block", "text"),
    [  # RFC 7541, C.4.1 and C.6.1
        ("418cf1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
        ("48826402", "302"),
        ("5885aec3771a4b", "private"),
        ("6196d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
    ],
)
def test_packed_texts_of_http2_are_read(block: str, text: str) -> None:
    assert list(client.unpack(bytes.fromhex(block)).values()) == [text]


class Sayer(socketserver.BaseRequestHandler):
    """Says what it was told to say, whatever it is asked, and hangs up."""

    words = b""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(self.words)


@pytest.fixture(scope="module")
def sayer() -> Iterator[int]:
    """The port of a server that says `Sayer.words`."""
    server = servers.Tcp((servers.LOOPBACK, 0), Sayer)
    with servers.serving(server):
        yield server.server_address[1]


def chunked(parts: list[bytes], extension: bytes = b"") -> bytes:
    coded = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"


@given(
    parts=st.lists(st.binary(min_size=1, max_size=30), max_size=5),
    extension=st.sampled_from([b"", b";name=value"]),
    lost=st.integers(0, 20),
)
def test_a_body_in_chunks_is_shown_as_what_it_says(sayer: int, parts: list[bytes], extension: bytes, lost: int) -> None:
    """Whole, and also where the connection ends in the middle."""
    whole = b"".join(parts)
    words = chunked(parts, extension)
    Sayer.words = words[: len(words) - lost]
    at = {"host": "localhost", "ip": servers.LOOPBACK, "port": sayer, "speaks": "http", "path": "/"}
    said = client.knock({"how": "plaintext", "version": "1.3", "silent": 0.2, "seconds": 5.0}, at)
    shown = said["body"].encode("latin-1")
    assert shown == whole if not lost else whole.startswith(shown)


FRAMES = st.builds(
    lambda kind, flags, payload: len(payload).to_bytes(3, "big") + bytes([kind, flags]) + b"\0\0\0\1" + payload,
    st.integers(0, 10),
    st.integers(0, 255),
    st.binary(max_size=20),
)
ANSWERS = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.lists(FRAMES, min_size=1, max_size=4).map(b"".join),
    st.binary(max_size=40).map(lambda rest: b"HTTP/1.1 200" + rest),
    st.binary(max_size=40).map(lambda rest: b"HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n" + rest),
    st.binary(max_size=40).map(lambda rest: b"\x15\x03\x03\x00\x02" + rest),
)


@given(words=ANSWERS, speaks=st.sampled_from(["grpc", "http", "tcp"]), how=st.sampled_from(["plaintext", "tls"]))
def test_whatever_a_server_says_is_an_outcome_and_never_a_proof(
    sayer: int, words: bytes, speaks: AppProtocol, how: str
) -> None:
    """A server that answers plaintext has not refused it, and one that talks no TLS has not served TLS."""
    Sayer.words = words
    at = {"host": "localhost", "ip": servers.LOOPBACK, "port": sayer, "speaks": speaks, "path": "/"}
    said = client.knock({"how": how, "version": "1.3", "silent": 0.2, "seconds": 5.0}, at)
    [outcome] = parse_outcomes(f'#{json.dumps({"attempt": 0, **said})}\n#{{"done": 1}}', "#", 1)
    if how == "plaintext":
        assert outcome.kind in ("bytes", "http", "grpc")
    else:
        assert outcome.stage == "handshake"
        assert outcome.alert != "certificate_required" or words[0] == ALERT_RECORD
