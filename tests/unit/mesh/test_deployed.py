"""Waiting for the RayCluster: a node that does not find its own name is said to be one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from raymesh.errors import TerminalState, WaitTimeout
from raymesh.machine.programs import Completed
from raymesh.mesh import deployed
from raymesh.platform import kube
from raymesh.platform.kube import Kube
from tests.unit.verdicts.built_subject import SUBJECT

NAME = "10-244-0-7.raycluster-istio-headless-svc.default.svc.cluster.local"
KNOWN, UNKNOWN, GONE = 0, 2, 1  # exit codes: getent's two, and kubectl's where the container can't be entered


def pod(*, age: float, node_type: str = "head") -> dict[str, Any]:
    started = (datetime.now(UTC) - timedelta(seconds=age)).isoformat(timespec="seconds").replace("+00:00", "Z")
    status = {"name": f"ray-{node_type}", "ready": False, "state": {"running": {"startedAt": started}}}
    return {
        "spec": {"containers": [{"name": f"ray-{node_type}"}]},
        "metadata": {"name": f"ray-{node_type}-x", "labels": {"ray.io/node-type": node_type}},
        "status": {"phase": "Running", "podIP": "10.244.0.7", "containerStatuses": [status]},
    }


class Asked:
    """A cluster with one Ray pod, which keeps what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ray_pod: dict[str, Any], code: int) -> None:
        self.names: list[tuple[str, str]] = []

        def run_inside(_: Kube, name: str, argv: list[str], *, container: str, **__: object) -> Completed:
            assert name == ray_pod["metadata"]["name"]
            self.names.append((container, argv[-1]))
            return Completed(code, "", "", 0.0)

        monkeypatch.setattr(Kube, "pods_json", lambda *_: json.dumps({"items": [ray_pod]}))
        monkeypatch.setattr(Kube, "kubectl", lambda *_, **__: Completed(0, "", "", 0.0))
        monkeypatch.setattr(Kube, "exec", run_inside)
        monkeypatch.setattr(kube, "TERMINAL_POLLS", 1)
        self.kube = Kube(Path("kubeconfig"), Path("kubectl"))


@pytest.mark.parametrize("node_type", ["head", "worker"])
def test_a_node_that_does_not_find_its_name_ends_the_waiting(node_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, pod(age=60, node_type=node_type), UNKNOWN)
    with pytest.raises(TerminalState, match=f"DNS does not have {NAME}: the headless Service must select"):
        deployed.wait(asked.kube, SUBJECT, within=1)
    assert set(asked.names) == {(f"ray-{node_type}", NAME)}


@pytest.mark.parametrize(("age", "code"), [(60, KNOWN), (60, GONE), (5, UNKNOWN)])
def test_a_name_that_is_known_or_that_may_still_come_does_not(
    age: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch, pod(age=age), code)
    with pytest.raises(WaitTimeout, match="Running, not ready: ray-head"):
        deployed.wait(asked.kube, SUBJECT, within=0.1)


def probed(number: int, container: str = "ray-worker") -> dict[str, Any]:
    asked = pod(age=5, node_type="worker")
    command = ["bash", "-c", f"wget -T 2 -q -O- http://localhost:{number}/api/local_raylet_healthz | grep success"]
    asked["spec"]["containers"] = [
        {"name": "istio-proxy"},
        {"name": container, "readinessProbe": {"exec": {"command": command}}},
    ]
    asked["status"]["containerStatuses"][0]["name"] = container
    return asked


def test_a_probe_that_asks_a_port_of_nobody_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, probed(7484), KNOWN)
    with pytest.raises(TerminalState, match="its readinessProbe asks localhost:7484, and nothing opens that port"):
        deployed.wait(asked.kube, SUBJECT, within=1)


def test_one_that_asks_the_agent_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, probed(52365), KNOWN)
    with pytest.raises(WaitTimeout):
        deployed.wait(asked.kube, SUBJECT, within=0.1)


@pytest.mark.parametrize(
    ("kind", "doc", "names"),
    [
        ("RayCluster", {"metadata": {"name": "mine"}}, ["mine"]),
        ("RayJob", {"status": {"rayClusterName": "mine-raycluster-x"}}, ["mine-raycluster-x"]),
        ("RayJob", {}, []),
        (
            "RayService",
            {
                "status": {
                    "activeServiceStatus": {"rayClusterName": "a"},
                    "pendingServiceStatus": {"rayClusterName": "b"},
                }
            },
            ["a", "b"],
        ),
        ("RayService", {"status": {"activeServiceStatus": {}, "pendingServiceStatus": {"rayClusterName": "b"}}}, ["b"]),
    ],
)
def test_the_clusters_of_an_object_are_those_of_its_status(kind: str, doc: dict[str, Any], names: list[str]) -> None:
    assert deployed.clusters_of(kind, doc) == names
