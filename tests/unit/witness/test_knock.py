"""Knocking: which ports are knocked at, and how strictly the answers are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesh.errors import Unreadable
from raymesh.ports import contract
from raymesh.subject import RayPod
from raymesh.witness.knock import (
    CLIENTS,
    Certificate,
    Knocker,
    Means,
    Outcome,
    Target,
    parse_outcomes,
    targets,
)
from raymesh.witness.pods import Pod

FRAME = "knock-0123 "
Doc = Mapping[str, object]
RESET = {"kind": "reset", "stage": "connected"}
HTTP = {
    "kind": "http",
    "stage": "connected",
    "status": "200",
    "server": "envoy",
    "type": "text/plain",
    "body": "",
    "message": "",
}


def member(name: str, role: str, ip: str) -> RayPod:
    pod = Pod(name, "ns", {}, ip, True, "default", (), (), {}, False)
    return RayPod(pod, role, "", f"{name}.svc", "ray")  # type: ignore[arg-type]  # the tests' own words


MEMBERS = (member("h", "head", "10.0.0.1"), member("w1", "worker", "10.0.0.2"), member("w2", "worker", "10.0.0.3"))


def printed(*lines: Doc, done: int | None = None) -> str:
    rows = [json.dumps({"attempt": number, **line}) for number, line in enumerate(lines)]
    rows.append(json.dumps({"done": len(lines) if done is None else done}))
    return "\n".join(f"{FRAME}{row}" for row in rows)


def read(line: Doc) -> Outcome:
    [outcome] = parse_outcomes(printed(line), FRAME, 1)
    return outcome


def test_every_port_that_listens_is_a_target_in_each_pod_and_what_is_declared_is_known() -> None:
    found = targets(
        MEMBERS, {"h": {6379, 8265, 40123, 15006}, "w1": {6380, 10003}, "w2": set()}, contract("2.10.0"), apart={15006}
    )
    listening = {(one.pod, one.port): one.speaks for one in found if one.listens}
    assert listening == {
        ("h", 6379): "grpc",
        ("h", 8265): "http",
        ("h", 40123): "tcp",
        ("w1", 6380): "grpc",
        ("w1", 10003): "grpc",
    }
    silent = {(one.pod, one.port) for one in found if not one.listens}
    assert {("w1", 10002), ("w2", 6380), ("h", 44217), ("h", 6382)} <= silent
    assert ("w1", 6379) not in silent
    assert not {(pod, 23000) for pod in "h"} & silent
    assert {(one.host, one.ip) for one in found if one.pod == "w2"} == {("w2.svc", "10.0.0.3")}


def test_what_a_port_speaks_is_not_what_is_declared() -> None:
    """The runtime environment agent is declared gRPC, and an HTTP server: a client must speak its own words."""
    [agent] = [one for one in targets(MEMBERS[:1], {"h": {6382}}, contract("2.10.0")) if one.listens]
    assert agent.speaks == "http"


def test_http_is_asked_for_what_ray_serves() -> None:
    found = targets(MEMBERS[:1], {"h": {8265, 52365, 44217, 40123}}, contract("2.10.0"))
    paths = {one.port: one.path for one in found if one.listens}
    assert paths == {8265: "/api/version", 52365: "/api/local_raylet_healthz", 44217: "/metrics", 40123: "/"}


def test_a_pod_whose_sockets_are_not_known_is_not_a_pod_without_ports() -> None:
    with pytest.raises(Unreadable, match="w1"):
        targets(MEMBERS, {"h": {6379}, "w2": {6380}}, contract("2.10.0"))


def test_answers_are_read_in_the_order_of_the_attempts_among_lines_of_others() -> None:
    alert = {"kind": "alert", "stage": "handshake", "alert": "protocol_version"}
    first, second, last = printed(alert, RESET).splitlines()
    noise = f'2026-11-25 INFO worker.py\n{{"done": 2}}\n{second}\n>>> {first}\n\n{first}\n{last}\n'
    assert [str(one) for one in parse_outcomes(noise, FRAME, 2)] == [
        "TLS alert protocol_version, in the handshake",
        "reset, on the bare connection",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        printed(),
        printed(RESET),
        printed(RESET, RESET, done=3),
        "\n".join(printed(RESET, RESET).splitlines()[:2]),
        printed(RESET, {**RESET, "attempt": 0}),
        printed(RESET, {**RESET, "attempt": 7}),
        f"{FRAME}{{",
    ],
    ids=["nothing", "none", "one", "wrong end", "no end", "one twice", "one unasked", "no JSON"],
)
def test_two_attempts_are_all_accounted_for(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_outcomes(text, FRAME, 2)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ({"kind": "refused", "stage": "connected"}, "kind"),
        ({"kind": "reset", "stage": "later"}, "stage"),
        ({"kind": "reset"}, "stage"),
        ({"kind": "alert", "stage": "handshake"}, "alert"),
        ({"kind": "alert", "stage": "handshake", "alert": "no_idea"}, "alert"),
        ({**HTTP, "status": "OK"}, "status"),
        ({**HTTP, "kind": "grpc", "status": "17"}, "status"),
        ({**HTTP, "server": None}, "server"),
        ({"kind": "bytes", "stage": "secured"}, "body"),
    ],
)
def test_a_word_that_is_not_known_is_unreadable(line: Doc, path: str) -> None:
    with pytest.raises(Unreadable, match=path):
        read(line)


@pytest.mark.parametrize(
    ("answer", "author"),
    [
        ({"status": "503", "body": "upstream connect error or disconnect/reset before headers"}, "Envoy"),
        ({"status": "503", "body": "no healthy upstream", "server": "istio-envoy"}, "Envoy"),
        ({"status": "403", "body": "RBAC: access denied", "server": ""}, "Envoy"),
        ({"status": "404", "type": ""}, "Envoy"),
        ({"status": "426", "type": "", "server": "istio-envoy"}, "Envoy"),
        ({"status": "404", "type": "", "server": ""}, "somebody"),
        ({"status": "200", "body": "ok"}, "somebody"),
        ({"status": "200", "type": "application/json", "body": "{}"}, "application"),
        ({"status": "404", "type": "text/plain; charset=utf-8", "body": "404: Not Found"}, "application"),
        ({"status": "500", "type": "application/json; charset=utf-8", "body": "{}"}, "application"),
        ({"status": "200", "body": "# HELP ray_tasks Current number of tasks"}, "application"),
        ({"status": "503", "server": "Python/3.11 aiohttp/3.9.3"}, "application"),
    ],
)
def test_who_wrote_an_http_answer(answer: Doc, author: str) -> None:
    """Envoy writes its own name over an application's, so 200 with its name may be either's, and its form tells."""
    assert read({**HTTP, **answer}).by == author


def test_grpc_is_the_applications_word() -> None:
    outcome = read({**HTTP, "kind": "grpc", "status": "12", "message": "Method not found!"})
    assert (outcome.status, outcome.by, outcome.detail) == ("UNIMPLEMENTED", "application", "Method not found!")


@given(body=st.text())
def test_what_is_shown_of_an_answer_is_short_and_printable(body: str) -> None:
    shown = str(read({**HTTP, "body": body}))
    assert shown.isprintable()
    assert len(shown) < 150


@given(line=st.dictionaries(st.sampled_from([*HTTP, "alert", "error"]), st.none() | st.text() | st.integers()))
def test_anything_is_read_or_is_unreadable(line: Doc) -> None:
    with suppress(Unreadable):
        assert read(line).kind == line["kind"]


def test_only_what_listens_is_knocked_at() -> None:
    asked: list[dict[str, object]] = []

    def answer(_argv: object, stdin: str, _within: float) -> str:
        request = json.loads(stdin.splitlines()[1])
        asked.append(request)
        frame = request["frame"]
        lines = printed(*[RESET] * len(request["attempts"]))
        return lines.replace(FRAME, frame)

    at = Target("h", "head", "h.svc", "10.0.0.1", 6379, "grpc")
    quiet = replace(at, port=6380, listens=False)
    knocker = Knocker("outsider", answer, lambda *_: None)
    knocks = knocker.knock(["plaintext"], [at, quiet], Means(), patience=3, within=9)
    assert [(one.client, one.target) for one in knocks] == [("plaintext", at)]
    assert asked[0]["targets"] == [{"host": "h.svc", "ip": "10.0.0.1", "port": 6379, "speaks": "grpc", "path": "/"}]
    assert asked[0]["seconds"] == 3


BARE = ("plaintext", "in the mesh", "TLS 1.3 without certificate")


@pytest.mark.parametrize("client", [one for one in CLIENTS if one not in BARE])
def test_a_client_without_its_certificate_is_not_sent_out(client: str) -> None:
    """Else it would be refused for having none, and prove nothing of the one that it should show."""
    with pytest.raises(ValueError, match="no certificate"):
        Means().of(client)  # type: ignore[arg-type]  # one of CLIENTS
    assert {"pem", "chain", "key"}.isdisjoint(Means().of("TLS 1.3 without certificate"))


def test_a_key_is_not_part_of_what_is_printed() -> None:
    assert "secret" not in repr(Means(foreign=Certificate(pem="secret")))


def test_a_group_with_numbers_of_its_own_is_knocked_at_those_alone() -> None:
    known = contract("2.10.0")
    [port] = known.named("object-manager-port")
    usual = replace(port, groups=("headgroup", "plain"))
    apart = replace(port, numbers=range(7491, 7492), roles=("worker",), groups=("wide",))
    mixed = replace(known, ports=(*(one for one in known.ports if one is not port), usual, apart))
    pods = (replace(MEMBERS[1], group="plain"), replace(MEMBERS[2], group="wide"))
    found = targets(pods, {"w1": [6381], "w2": [7491]}, mixed)
    numbers = {name: {one.port for one in found if one.pod == name} & {6381, 7491} for name in ("w1", "w2")}
    assert numbers == {"w1": {6381}, "w2": {7491}}
