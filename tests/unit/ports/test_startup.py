"""What `ray start` refuses: against answers of real Ray, and case by case."""

import json
from pathlib import Path

import pytest

from raymesh.ports import Role, Version, parse_version
from raymesh.ports.startup import refusals

# Answers of real Ray to random settings (tests/ports/test_startup.py asks thousands): one letter a version, x: refused.
RECORDED = json.loads(Path(__file__).with_name("refused.json").read_text())
V246 = Version(2, 46)


@pytest.mark.parametrize("at", range(len(RECORDED["versions"])), ids=RECORDED["versions"])
def test_every_recorded_answer_of_real_ray_is_foreseen(at: int) -> None:
    version = parse_version(RECORDED["versions"][at])
    wrong = []
    for role, params, answers in RECORDED["settings"]:
        ours = [r for r in refusals(role, params, version) if r.by == "ray"]
        if bool(ours) != (answers[at] == "x"):
            wrong.append((role, params, ours))
    assert wrong == []


def test_the_recording_has_both_answers_of_every_version() -> None:
    for at in range(len(RECORDED["versions"])):
        assert {answers[at] for _, _, answers in RECORDED["settings"]} == {"x", "."}


@pytest.mark.parametrize("role", ["head", "worker"])
def test_a_metrics_port_of_false_is_random_and_takes_no_number(role: Role) -> None:
    """KubeRay adds its 8080 where the flag is missing only, and leaves `false` away."""
    flags = {"metrics-export-port": "false", "runtime-env-agent-port": "8080", "max-worker-port": "10012"}
    assert refusals(role, flags, V246) == []
    assert refusals(role, {k: v for k, v in flags.items() if v != "false"}, V246) != []


REFUSED: list[tuple[str, Role, dict[str, str], str]] = [
    ("in the default worker range", "worker", {"object-manager-port": "12345"}, "object-manager-port"),
    ("in the default range, the metrics", "head", {"metrics-export-port": "10002"}, "metrics-export-port"),
    ("a minimum alone, above the default maximum", "head", {"min-worker-port": "20000"}, "min-worker-port"),
    ("a maximum below the default minimum", "head", {"max-worker-port": "9000"}, "max-worker-port"),
    ("the dashboard's port on a worker", "worker", {"object-manager-port": "8265"}, "object-manager-port"),
    ("the client's port on a worker", "worker", {"node-manager-port": "10001"}, "node-manager-port"),
    ("the agent's default port", "worker", {"node-manager-port": "52365"}, "node-manager-port"),
    ("KubeRay's metrics port", "worker", {"node-manager-port": "8080"}, "node-manager-port"),
    ("a list below 1024", "worker", {"worker-port-list": "80,10003"}, "worker-port-list"),
    ("a list above 65535", "worker", {"worker-port-list": "10002,65536"}, "worker-port-list"),
    ("a list with a space", "worker", {"worker-port-list": "10002, 10003"}, "worker-port-list"),
    ("a list with a number twice", "worker", {"worker-port-list": "10002,10002"}, "worker-port-list"),
    ("a list with another's port", "worker", {"worker-port-list": "10002,52365"}, "worker-port-list"),
    ("runtime env below 1024", "worker", {"runtime-env-agent-port": "80"}, "runtime-env-agent-port"),
    ("runtime env 0 before 2.54", "worker", {"runtime-env-agent-port": "0"}, "runtime-env-agent-port"),
    ("the client's port 0", "head", {"ray-client-server-port": "0"}, "ray-client-server-port"),
    ("the range from 0", "head", {"min-worker-port": "0", "max-worker-port": "20000"}, "max-worker-port"),
    ("a head's flag on a worker", "worker", {"port": "6379"}, "port"),
    ("the dashboard switched on a worker", "worker", {"include-dashboard": "false"}, "include-dashboard"),
    ("half a CPU", "worker", {"num-cpus": "0.5"}, "num-cpus"),
    ("memory with a unit", "worker", {"memory": "4Gi"}, "memory"),
    ("a switch with a value", "worker", {"no-monitor": "1"}, "no-monitor"),
    ("a number that is a switch", "worker", {"node-manager-port": "true"}, "node-manager-port"),
    ("no port", "worker", {"node-manager-port": ""}, "node-manager-port"),
    ("the head's own port twice", "head", {"object-manager-port": "6379"}, "object-manager-port"),
]


@pytest.mark.parametrize(("role", "params", "flag"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_ray_refuses_is_told_at_its_flag(role: Role, params: dict[str, str], flag: str) -> None:
    told = refusals(role, params, V246)
    assert [r.flag for r in told] == [flag]
    assert told[0].by == "ray"
    assert told[0].cure


TAKEN: list[tuple[str, Role, dict[str, str]]] = [
    ("nothing said", "worker", {}),
    ("below the default range", "worker", {"object-manager-port": "10000"}),
    ("behind the default range", "worker", {"object-manager-port": "20000"}),
    ("in the default range, with a maximum below", "head", {"node-manager-port": "12345", "max-worker-port": "10012"}),
    ("random workers", "worker", {"object-manager-port": "12345", "max-worker-port": "0"}),
    ("6379 on a worker", "worker", {"object-manager-port": "6379"}),
    ("random ports", "worker", {"node-manager-port": "0", "object-manager-port": "0", "metrics-export-port": "0"}),
    ("a flag switched off", "worker", {"node-manager-port": "false"}),
    ("what the shell still changes", "worker", {"node-manager-port": "$PORT", "max-worker-port": "$((10000 + 5))"}),
    ("the dashboard off on the head", "head", {"include-dashboard": "false"}),
    ("an address with a space", "worker", {"node-ip-address": "$(hostname -I | tr -d ' ')"}),
    ("a list before a range", "worker", {"worker-port-list": "10002,10003", "object-manager-port": "12345"}),
]


@pytest.mark.parametrize(("role", "params"), [c[1:] for c in TAKEN], ids=[c[0] for c in TAKEN])
def test_what_ray_takes_is_not_spoken_of(role: Role, params: dict[str, str]) -> None:
    assert refusals(role, params, V246) == []


def test_what_ray_takes_and_no_socket_does_is_told_as_that() -> None:
    assert [(r.flag, r.by) for r in refusals("worker", {"node-manager-port": "70000"}, V246)] == [
        ("node-manager-port", "system")
    ]


def test_versions_differ() -> None:
    params = {"runtime-env-agent-port": "0"}
    assert refusals("worker", params, Version(2, 53))
    assert refusals("worker", params, Version(2, 54)) == []
    twice = {"dashboard-grpc-port": "6384", "node-manager-port": "6384"}
    assert refusals("head", twice, Version(2, 10))
    assert refusals("head", twice, V246) == []
    assert refusals("head", {"no-redirect-output": "true"}, V246)
    assert refusals("head", {"no-redirect-output": "true"}, Version(2, 54)) == []
