"""Real sockets of this machine, as its kernel tells them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.connections import MARK, PROGRAM, Connection, parse_connections
from raymesh.witness.sockets import State

LOOPBACKS = ["127.0.0.1", "::1", "::ffff:127.0.0.1"]


@contextmanager
def connected(host: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    mapped = host.startswith("::ffff:")
    listener = socket.create_server(("::" if mapped else host, 0), family=family, dualstack_ipv6=mapped)
    with listener as server, socket.socket(family) as client:
        client.connect((host, server.getsockname()[1]))
        taken, _ = server.accept()
        with taken:
            yield client, taken


def told() -> tuple[Connection, ...]:
    done = subprocess.run([sys.executable, "-"], input=PROGRAM.read_text(), capture_output=True, text=True, check=True)
    return parse_connections(done.stdout).sockets


def of(port: int) -> Connection:
    [found] = [one for one in told() if one.local[1] == port and one.state == State.ESTABLISHED]
    return found


@pytest.mark.parametrize("host", LOOPBACKS)
def test_each_connection_is_told_with_the_bytes_that_it_carried(host: str) -> None:
    with connected(host) as (client, server):
        port, other = client.getsockname()[1], server.getsockname()[1]
        before = of(port)
        assert (before.local[0], before.remote) == (host.removeprefix("::ffff:"), (before.local[0], other))
        client.sendall(b"x" * 1000)
        server.recv(1000, socket.MSG_WAITALL)
        server.sendall(b"y" * 10)
        client.recv(10, socket.MSG_WAITALL)
        after = of(port)
        assert (after.sent - before.sent, after.received - before.received) == (1000, 10)


def test_what_listens_is_told_with_its_state() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert [one.state for one in told() if one.local == ("127.0.0.1", port)] == [State.LISTEN]


@pytest.mark.parametrize(
    "text",
    [
        "",
        MARK + "{}",
        MARK + '{"at": "noon", "connections": []}',
        MARK + json.dumps({"at": 1, "connections": [["1.1.1.1", 1, "2.2.2.2", 2, 1, 0, 0]]}),
        MARK + json.dumps({"at": 1, "connections": [["1.1.1.1", 1, "2.2.2.2", 2, 99, 0, 0, 0]]}),
        (MARK + '{"at": 1, "connections": []}\n') * 2,
    ],
)
def test_what_is_no_answer_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_connections(text)
