"""The hosts of an audit: apart from the machine, joined to each other, gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from raymesh.audit.hosts import hosts, remove_stale
from raymesh.machine import netns, owned, ownership
from raymesh.machine.programs import end_group, run
from raymesh.ports import OLDEST
from raymesh.waiting import wait_for

pytestmark = [
    pytest.mark.ports,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root; as root nothing is left out"),
]
ASK = "import socket, sys; print(socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).getpeername()[0])"
SERVE = "import socket, sys; s = socket.create_server(('', int(sys.argv[1]))); print('up', flush=True); s.accept()"
HOLD = "from raymesh.audit.hosts import hosts\nwith hosts(loopback=False): print('up', flush=True); input()"
ROOT = Path(__file__).resolve().parents[2]


def leftovers(owner: int) -> list[str]:
    """What a process with this id made and did not remove."""
    mark = owned.name().replace(f"-{os.getpid()}-{ownership.started(os.getpid())}", f"-{owner}-")
    folders = [path.name for path in Path(tempfile.gettempdir()).iterdir()]
    settings = [path.name for path in netns.ETC.iterdir()] if netns.ETC.is_dir() else []
    return [name for name in (*netns.present(), *folders, *settings) if name.startswith(mark)]


@pytest.fixture
def program() -> Iterator[list[subprocess.Popen[str]]]:
    """Programs started by a test; ended with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for one in started:
        end_group(one)
        one.communicate()


def start(started: list[subprocess.Popen[str]], *words: str | Path) -> subprocess.Popen[str]:
    """Start a program and wait for its first line."""
    one = subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        cwd=ROOT,
    )
    started.append(one)
    return one


def test_hosts_reach_each_other_by_name_until_a_port_is_blocked(program: list[subprocess.Popen[str]]) -> None:
    """The nameserver knows both; a blocked port is silent, the one beside it is not."""
    with hosts(loopback=False) as made:
        head, worker = made.all
        for number in ("7001", "7002"):
            server = start(program, *worker.prefix, sys.executable, "-c", SERVE, number)
            assert server.stdout is not None
            assert server.stdout.readline() == "up\n"
        netns.block(worker.namespace, 7002)
        ask = [*head.prefix, sys.executable, "-c", ASK, worker.fqdn]
        assert run([*ask, "7001"], timeout=20).stdout.strip() == worker.address
        blocked = run([*ask, "7002"], timeout=20, check=False)
        assert "TimeoutError" in blocked.stderr
    assert leftovers(os.getpid()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(program: list[subprocess.Popen[str]]) -> None:
    """SIGKILL leaves namespaces, a nameserver and a folder; nothing of a living run is touched."""
    living = start(program, sys.executable, "-c", HOLD)
    killed = start(program, sys.executable, "-c", HOLD)
    for one in (living, killed):
        assert one.stdout is not None
        assert one.stdout.readline() == "up\n"
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert leftovers(killed.pid)
    remove_stale()
    assert leftovers(killed.pid) == []
    assert len(leftovers(living.pid)) == 5  # two namespaces, their two folders of settings, one folder of work
    living.communicate("\n")
    assert leftovers(living.pid) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_audit_leaves_nothing(sign: signal.Signals, program: list[subprocess.Popen[str]]) -> None:
    """Ctrl-C, or a CI that cancels, while the head starts."""
    words = ["-m", "raymesh.commands.main", "ports", "audit", "--ray", str(OLDEST)]
    audit = start(program, sys.executable, *words)

    def gcs_runs() -> bool:
        names = [name for name in leftovers(audit.pid) if name.endswith("-head") and name in netns.present()]
        return any("gcs_server" in _command(pid) for name in names for pid in owned.pids(netns.owner(name)))

    wait_for("the head starts", gcs_runs, until=bool, within=60, every=0.2)
    os.kill(audit.pid, sign)
    assert audit.wait(60) == 130
    assert leftovers(audit.pid) == []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
