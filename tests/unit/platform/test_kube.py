"""pod_state and wait_ready: what will not get better by waiting is said at once."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from raymesh.errors import CommandError, TerminalState, WaitTimeout
from raymesh.machine.programs import Completed
from raymesh.platform import kube
from raymesh.platform.kube import CRASHES, TERMINAL_REASONS, Kube, pod_state
from raymesh.waiting import wait_for

READY = [{"type": "Ready", "status": "True"}]


def container(
    name: str = "ray-head", *, ready: bool = False, restarts: int = CRASHES - 1, **waiting: str
) -> dict[str, Any]:
    state = {"waiting": waiting} if waiting else {"running": {}}
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


def pod(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **status: Any) -> dict[str, Any]:
    metadata = {"name": "head", **({"deletionTimestamp": "now"} if status.pop("deleted", False) else {})}
    found = {"phase": "Pending", "containerStatuses": list(containers), "initContainerStatuses": list(init), **status}
    return {"metadata": metadata, "status": found}


def test_ready_means_the_condition_and_not_the_phase() -> None:
    assert pod_state(pod(container(ready=True), phase="Running", conditions=READY)) == "Ready"
    not_yet = [{"type": "Ready", "status": "False"}]
    assert pod_state(pod(container(), phase="Running", conditions=not_yet)) == "Running, not ready: ray-head"


@pytest.mark.parametrize("reason", sorted(TERMINAL_REASONS))
def test_a_container_that_can_not_start_names_itself_and_the_reason(reason: str) -> None:
    stuck = container("istio-proxy", reason=reason, message="why")
    assert pod_state(pod(container(ready=True), stuck)) == f"{reason}: istio-proxy: why"


def test_an_init_container_that_can_not_start_counts_too() -> None:
    stuck = container("istio-init", reason="CrashLoopBackOff")
    assert pod_state(pod(container(reason="PodInitializing"), init=(stuck,))) == "CrashLoopBackOff: istio-init: "


def test_a_program_that_ended_once_or_twice_may_yet_start() -> None:
    for restarts in range(CRASHES - 1):
        crashed = container("kuberay-operator", restarts=restarts, reason="CrashLoopBackOff", message="back-off 10s")
        assert pod_state(pod(crashed, phase="Running")) == "Running, not ready: kuberay-operator"


def test_a_reason_that_passes_is_no_terminal_one() -> None:
    state = pod_state(pod(container(reason="ContainerCreating")))
    assert state == "Pending, not ready: ray-head"


def test_a_pod_that_goes_is_not_ready_any_more() -> None:
    assert pod_state(pod(container(ready=True), conditions=READY, deleted=True)) == "Terminating"


def test_a_pod_without_containers_was_not_scheduled() -> None:
    assert pod_state({"metadata": {}, "status": {"phase": "Pending"}}) == "Pending, not ready: not scheduled"


Shown = Callable[..., Kube]


@pytest.fixture
def showing(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Makes a cluster whose API always answers with the same pods."""

    def showing(*pods: dict[str, Any]) -> Kube:
        monkeypatch.setattr(Kube, "pods_json", lambda *_: json.dumps({"items": pods}))
        monkeypatch.setattr(Kube, "kubectl", lambda *_, **__: Completed(0, "last words", "", 0.0))
        return Kube(Path("kubeconfig"), Path("kubectl"))

    return showing


def test_waiting_ends_at_once_where_it_can_not_help(showing: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube, "TERMINAL_POLLS", 1)
    stuck = showing(pod(container(reason="ImagePullBackOff", message="no such image")))
    with pytest.raises(TerminalState, match=r"can't start: ImagePullBackOff: .*\n  cure: .*\nlast words"):
        stuck.wait_ready("default", "app=x", count=1, within=60)


@pytest.mark.parametrize("count", [0, 2])
def test_the_number_of_pods_has_to_be_exact(showing: Shown, count: int) -> None:
    one = showing(pod(container(ready=True), conditions=READY))
    one.wait_ready("default", "app=x", count=1, within=1)
    with pytest.raises(WaitTimeout, match="'head': 'Ready'"):
        one.wait_ready("default", "app=x", count=count, within=0.01)


def talker(folder: Path, script: str) -> Kube:
    """A cluster whose kubectl is this shell script."""
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Kube(folder / "kubeconfig", program)


def test_talking_to_a_program_is_a_line_for_a_line_and_ends_it(tmp_path: Path) -> None:
    kube = talker(tmp_path, "while read line; do echo pong; done; sleep 60")
    with kube.talk("head", ["python"], container="ray-head", namespace="default") as ask:
        assert [ask(5), ask(5)] == ["pong", "pong"]
    left = subprocess.run(["pgrep", "-f", str(tmp_path / "kubectl")], check=False, capture_output=True)
    assert not left.stdout


def test_only_marked_lines_are_answers_however_they_come(tmp_path: Path) -> None:
    kube = talker(tmp_path, "while read line; do printf 'noise\\n= 1\\nnoise\\n= 2\\nno'; done")
    with kube.talk("head", ["python"], container="ray-head", namespace="default", mark="= ") as ask:
        assert [ask(5), ask(5)] == ["= 1", "= 2"]


@pytest.mark.parametrize(
    ("script", "within", "why"),
    [
        ("echo 'no such pod' >&2; exit 1", 5, "no answer of python in default/head: it ended\nno such pod"),
        ("exec sleep 60", 0.1, "silent for 0.1 s"),
    ],
)
def test_a_program_that_does_not_answer_says_why(tmp_path: Path, script: str, within: float, why: str) -> None:
    with (
        talker(tmp_path, script).talk("head", ["python"], container="ray-head", namespace="default") as ask,
        pytest.raises(CommandError, match=why),
    ):
        ask(within)


@pytest.mark.parametrize(
    ("script", "within", "why"),
    [
        ("echo 'no such service'; exit 1", 5, "no port-forward to istio-system/service/kiali:20001: no such"),
        ("exec sleep 60", 0.1, "no port-forward .* in 0.1 s: kubectl is silent"),
    ],
)
def test_a_port_forward_that_does_not_come_up_says_why(tmp_path: Path, script: str, within: float, why: str) -> None:
    forward = talker(tmp_path, script).port_forward("istio-system", "service/kiali", 20001, within)
    with pytest.raises(CommandError, match=why), forward:
        pass


FORWARDS = """
for word; do last=$word; done
case $last in :*) local=43210 ;; *) local=${{last%%:*}} ;; esac
echo $$ $last >> {pids}
echo "Forwarding from 127.0.0.1:$local -> 20001"
[ $(wc -l < {pids}) = 1 ] && {{ sleep 0.2; echo "lost connection to pod"; exit 1; }}
exec sleep 60
"""


def test_a_port_forward_that_dies_is_opened_again_where_it_was_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pids = tmp_path / "pids"
    kube = talker(tmp_path, FORWARDS.format(pids=pids))
    with kube.port_forward("istio-system", "service/kiali", 20001) as url:
        assert url == "http://127.0.0.1:43210"
        rows = wait_for(
            "opened again",
            lambda: pids.read_text().splitlines(),
            until=lambda rows: len(rows) == 2,
            within=20,
            every=0.05,
        )
    assert [row.split()[1] for row in rows] == [":20001", "43210:20001"]
    assert not any(psutil.pid_exists(int(row.split()[0])) for row in rows), "nothing of it is left"
    assert "lost connection to pod; it is opened again" in caplog.text


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that takes connections, by its backlog, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def connections(server: socket.socket) -> int:
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda kube: kube.version(), id="version"),
        pytest.param(lambda kube: kube.pods_json("default"), id="pods of one namespace"),
        pytest.param(lambda kube: kube.pods_json(), id="all pods"),
    ],
)
def test_a_silent_api_server_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent_server: socket.socket, call: Callable[[Kube], str]
) -> None:
    monkeypatch.setattr(kube, "API_SECONDS", (1, 0.5))
    with pytest.raises(CommandError, match=r"the API server of http://127.0.0.1:[0-9]+ does not serve: .*timed out"):
        call(cluster_at(tmp_path, silent_server))
    assert connections(silent_server) == 1, "once, not once and again"


def test_waiting_for_pods_of_a_silent_api_server_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent_server: socket.socket
) -> None:
    monkeypatch.setattr(kube, "API_SECONDS", (1, 0.5))
    with pytest.raises(WaitTimeout, match=r"1 pods a=b of default Ready: not reached in 2 s; last seen: CommandError"):
        cluster_at(tmp_path, silent_server).wait_ready("default", "a=b", count=1, within=2)
    assert connections(silent_server) <= 3, "a second or more each, and two in all"


def cluster_at(folder: Path, server: socket.socket) -> Kube:
    named = {"name": "x", "cluster": {"server": f"http://127.0.0.1:{server.getsockname()[1]}"}}
    context = {"name": "x", "context": {"cluster": "x", "user": "x"}}
    config = {"clusters": [named], "contexts": [context], "users": [{"name": "x", "user": {}}], "current-context": "x"}
    (folder / "kubeconfig").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **config}))
    return Kube(folder / "kubeconfig", Path("kubectl"))
