"""The small pure parts: names of processes, who dialled whom, whose a leftover is, DNS answers, locks."""

from ipaddress import ip_address

import pytest

from raymesh.audit.environments import LOCKS, locked_versions
from raymesh.audit.model import Crossing
from raymesh.audit.nodes import StartError
from raymesh.audit.processes import kind_of
from raymesh.audit.recordings import recorded_versions
from raymesh.audit.watch import Dialled, Sightings
from raymesh.inside.names import answer
from raymesh.machine import owned
from raymesh.witness.sockets import Endpoint

QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04head\x02my\x00"
A, AAAA, IN = b"\x00\x01", b"\x00\x1c", b"\x00\x01"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("/x/ray/core/src/ray/raylet/raylet --python_worker_command=... default_worker.py", "raylet"),
        ("/x/ray/core/src/ray/gcs/gcs_server --log_dir=/t", "gcs"),
        ("/x/bin/python -u /x/ray/dashboard/agent.py --node-ip-address=a", "dashboard agent"),
        ("ray::DashboardAgent", "dashboard agent"),
        ("ray::ServeReplica:audit:Where", "serve replica"),
        ("ray::IDLE", "worker"),
        ("/usr/sbin/haproxy -f x", "haproxy"),
        ("", "unknown"),
    ],
)
def test_processes_are_told_apart(command: str, kind: str) -> None:
    """A raylet carries its workers' command in its own, and is a raylet all the same."""
    assert kind_of(command) == kind


def test_the_end_whose_port_listens_was_dialled() -> None:
    """One connection seen from both ends, and one seen only by the end that was called, give the caller."""
    seen = Sightings(listening={("head", Endpoint(ip_address("0.0.0.0"), 6379)): "gcs"})
    seen.dialled = {
        Dialled("worker", "head", 41000, 6379, True): "raylet",
        Dialled("head", "worker", 6379, 41000, True): "gcs",
        Dialled("head", "worker", 6379, 42000, True): "unknown",
    }
    assert seen.crossings() == (Crossing("worker->head", 6379, True, ("raylet",)),)


def test_a_call_that_never_got_through_is_said_so() -> None:
    """SYN_SENT and nothing else."""
    seen = Sightings(dialled={Dialled("head", "worker", 41000, 52365, False): "dashboard"})
    assert seen.crossings() == (Crossing("head->worker", 52365, False, ("dashboard",)),)


def test_only_what_a_dead_process_made_is_stale() -> None:
    """Ours is not, nor is what has another name; a reused pid does not save a leftover."""
    assert not owned.is_stale(owned.name())
    assert not owned.is_stale("raymesh")
    prefix, namespace, pid, _ = owned.name().split("-")
    assert owned.is_stale(f"{prefix}-{namespace}-{pid}-1-head")
    assert not owned.is_stale(f"{prefix}-000000-{pid}-1-head"), "in another pid namespace it may live"


@pytest.mark.parametrize(
    ("kind", "known", "code", "answers"),
    [(A, {"head.my": "10.0.0.1"}, 0, 1), (AAAA, {"head.my": "10.0.0.1"}, 0, 0), (A, {}, 3, 0)],
)
def test_the_nameserver_answers_as_a_cluster_does(kind: bytes, known: dict[str, str], code: int, answers: int) -> None:
    """A known name has an A record and an empty AAAA; an unknown one does not exist."""
    reply = answer(QUESTION + kind + IN, known)
    assert (reply[:2], reply[3] & 0xF, reply[7]) == (b"\x12\x34", code, answers)
    assert reply.endswith(b"\x0a\x00\x00\x01") == bool(answers)


def test_every_recorded_version_has_a_lock_with_hashes() -> None:
    """An environment can be made again, bit by bit, and the lock names no server."""
    assert set(recorded_versions()) <= set(locked_versions())
    for version in locked_versions():
        text = (LOCKS / f"{version}.txt").read_text()
        assert text.count("==") <= text.count("--hash=sha256:")
        assert f"ray=={version}" in text
        assert "://" not in text


@pytest.mark.parametrize("log", ["Error: No such option: --dashboard-grpc-port (Possible ...)", "No such option '--x'"])
def test_a_refused_flag_is_read_from_the_output(log: str) -> None:
    """Click has said it in more than one way."""
    assert len(StartError("head", 2, log).refused_flags) == 1
    assert StartError("head", 1, "Traceback").refused_flags == ()
