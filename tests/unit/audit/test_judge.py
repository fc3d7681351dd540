"""The verdict on an audit: clean is clean, and every single difference turns it red."""

from dataclasses import replace

import pytest

from raymesh.audit.judge import judge
from raymesh.audit.model import Audit, Crossing, Listener, Step
from raymesh.errors import Unreadable
from raymesh.ports import contract, guide_contract
from tests.unit.audit.audits import clean

CONTRACT = contract("2.10.0")


def kinds(audit: Audit) -> list[tuple[str, str]]:
    return [(finding.kind, finding.subject) for finding in judge(audit, CONTRACT)]


def test_an_audit_that_agrees_has_no_findings() -> None:
    """All ports of the contract, nothing else."""
    assert kinds(clean()) == []


@pytest.mark.parametrize(
    ("number", "process", "subject"),
    [
        (8404, "haproxy", "8404 haproxy"),
        (39998, "dashboard", "random dashboard"),
        (39999, "worker", "random worker"),
        (10013, "worker", "10013 worker"),
    ],
)
def test_an_undeclared_listener_is_found(number: int, process: str, subject: str) -> None:
    """Control: a fixed one, random ones of processes that have none like it, one beside the worker range."""
    extra = Listener("worker", number, "all", process, "http")
    assert kinds(replace(clean(), listeners=(*clean().listeners, extra))) == [("undeclared", subject)]


def test_a_head_port_on_a_worker_is_undeclared() -> None:
    """The contract knows ports by role."""
    extra = Listener("worker", 6379, "all", "gcs", "grpc")
    assert kinds(replace(clean(), listeners=(*clean().listeners, extra))) == [("undeclared", "6379 gcs")]


@pytest.mark.parametrize("number", [6379, 6380, 6381, 6382, 6383, 8080, 8265, 52365])
def test_a_declared_port_that_stays_shut_is_found(number: int) -> None:
    """Control: any one port of the head."""
    left = tuple(one for one in clean().listeners if (one.role, one.number) != ("head", number))
    assert [kind for kind, _ in kinds(replace(clean(), listeners=left))] == ["shut"]


def test_another_protocol_is_found() -> None:
    """Control: the metrics port speaks gRPC."""
    changed = tuple(replace(one, speaks="grpc") if one.number == 8080 else one for one in clean().listeners)
    assert set(kinds(replace(clean(), listeners=changed))) == {("protocol", "metrics-export-port")}


def test_a_port_that_was_gone_before_it_could_be_asked_is_no_finding() -> None:
    """Workers end while the audit goes on."""
    changed = tuple(replace(one, speaks="unknown") if one.number == 10002 else one for one in clean().listeners)
    assert kinds(replace(clean(), listeners=changed)) == []


def test_an_unknown_crossing_is_found() -> None:
    """Control: a worker dials the dashboard, which the contract does not know."""
    extra = Crossing("worker->head", 8265, True, ("driver",))
    assert kinds(replace(clean(), crossings=(*clean().crossings, extra))) == [("crossing", "dashboard-port")]


def test_http_inside_a_port_declared_grpc_is_found_once_it_crosses() -> None:
    """The guide declares the runtime-env agent's HTTP port as gRPC: harmless only while nobody dials it."""
    extra = Crossing("head->worker", 6382, True, ("dashboard",))
    seen = replace(clean(), crossings=(*clean().crossings, extra))
    assert ("mesh", "runtime-env-agent-port") in {(f.kind, f.subject) for f in judge(seen, guide_contract("2.10.0"))}
    assert kinds(seen) == [], "declared as it speaks it may be dialled"


def test_a_call_without_answer_is_found() -> None:
    """Control: a port that is blocked between the hosts."""
    extra = Crossing("head->worker", 52365, False, ("dashboard",))
    found = kinds(replace(clean(), crossings=(*clean().crossings, extra)))
    assert found == [("unanswered", "dashboard-agent-listen-port")]


def test_failed_work_is_found() -> None:
    """Control: a step that hangs."""
    assert kinds(replace(clean(), steps=(Step("logs", False, "hangs", 40.0),))) == [("work", "logs")]


def test_refused_flags_are_all_that_is_said() -> None:
    """Where `ray start` ends at once, shut ports are no news."""
    found = kinds(replace(clean(), refused=("--dashboard-grpc-port",), listeners=(), steps=()))
    assert found == [("refused-flag", "--dashboard-grpc-port")]


@pytest.mark.parametrize("what", [{"listeners": ()}, {"steps": ()}])
def test_a_blind_audit_is_not_clean(what: dict[str, tuple[()]]) -> None:
    """Control: absence of data is no verdict."""
    with pytest.raises(Unreadable):
        judge(replace(clean(), **what), CONTRACT)  # type: ignore[arg-type]  # both fields are tuples
