"""Bad days of a borrowed cluster, each told by a real server: one error with its cause and cure, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from raymesh import deadlines
from raymesh.commands.exits import FAULT, FOUND
from raymesh.errors import ClusterGone, CommandError, EnvironmentFault, UsageError
from raymesh.mesh import deployed, reached
from raymesh.mesh.found import Found, look
from raymesh.platform import existing, presence, rights
from raymesh.platform.kube import Kube
from raymesh.platform.presence import Presence
from raymesh.witness.http import Http
from raymesh.witness.prometheus import Prometheus
from tests.unit.api.server import CONTEXT, Answer, Api, cluster, serving
from tests.unit.mesh.test_reached import serving as serving_witness
from tests.unit.verdicts.built_subject import SUBJECT

UNAUTHORIZED = Answer(401, "Unauthorized", "Unauthorized")


def gone(tmp_path: Path) -> Kube:
    """A cluster whose API server has just ended."""
    with serving() as api:
        return cluster(api, tmp_path)


def test_a_context_that_is_not_there_names_those_that_are(kube: Kube) -> None:
    del kube
    with pytest.raises(UsageError, match=f"--context prod: .* has {CONTEXT}"):
        existing.borrowed("prod")


def raymesh(*words: str) -> tuple[int, str]:
    """Run the command as a user does; its exit code, and what it printed."""
    done = subprocess.run([sys.executable, "-m", "raymesh", *words], check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_credentials_that_have_expired_are_told_with_their_cure(api: Api, kube: Kube) -> None:
    api.refused["*"] = UNAUTHORIZED
    with pytest.raises(EnvironmentFault, match="log in again") as error:
        existing.borrowed(CONTEXT)
    assert "\n" not in error.value.cause
    code, told = raymesh("preflight", "--context", CONTEXT)
    assert code == FAULT
    assert told.startswith(f"raymesh: --context {CONTEXT}: ")
    assert "cure: log in again" in told
    with pytest.raises(CommandError, match=r"does not serve: 401 Unauthorized.*\n  cure: log in again"):
        kube.pods_json("team")  # of a run that is under way
    with pytest.raises(CommandError, match="cure: log in again"):
        kube.kubectl("get", "pods", "-n", "team")


def test_credentials_that_a_program_does_not_give_are_told_with_their_cure(api: Api, kube: Kube) -> None:
    assert kube.kubeconfig is not None
    text = kube.kubeconfig.read_text()
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    changed = yaml.safe_load(text)
    changed["users"][0]["user"] = {"exec": program}
    changed["clusters"][0]["cluster"]["server"] = api.url.replace("http:", "https:")  # only then kubectl asks it
    kube.kubeconfig.write_text(yaml.safe_dump(changed))
    with pytest.raises(EnvironmentFault, match="cure: log in again"):
        existing.borrowed(CONTEXT)


def test_a_server_that_is_not_there_is_told_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = gone(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(lost.kubeconfig))
    code, told = raymesh("preflight", "--context", CONTEXT)
    assert code == FAULT
    assert "cure: the API server must answer from here" in told


def test_a_cluster_that_is_deleted_meanwhile_ends_the_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GONE_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(ClusterGone, match=r"has not answered for \d+ s: .*refused.*\n  cure: see whether the cluster"):
        deployed.wait(gone(tmp_path), SUBJECT, within=120)
    assert time.monotonic() - began < 60


def test_one_that_is_silent_for_a_moment_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GONE_SECONDS", 0.2)
    answers = iter(["refused", "", "refused", "refused"])
    watched = Presence(lambda: next(answers))
    for _ in range(3):
        watched.check()
    monkeypatch.setattr(presence, "GONE_SECONDS", 0.0)
    with pytest.raises(ClusterGone):
        watched.check()


MAY_NOT = {
    "create pods/exec": "to let Ray work",
    "create pods/portforward": "to ask sidecars and witnesses",
    "list pods": "to find istiod",
}


@pytest.mark.parametrize(("denied", "purpose"), MAY_NOT.items())
def test_a_right_that_is_missing_is_told_before_anything_is_done(
    denied: str, purpose: str, api: Api, kube: Kube
) -> None:
    api.denied.add(denied)
    with pytest.raises(EnvironmentFault) as error:
        rights.demand(kube, "look", "team", "istio-system")
    assert denied in error.value.cause
    assert purpose in error.value.cause
    assert "manifests/rbac/look.yaml" in error.value.cure
    assert {call.resource for call in api.calls} == {"selfsubjectaccessreviews"}


def test_what_can_be_spared_is_not_demanded(api: Api, kube: Kube) -> None:
    api.denied |= {"list events", "get pods/log", "list resourcequotas"}
    rights.demand(kube, "prove", "team", "istio-system")


def test_no_right_to_exec_fails_preflight_and_names_the_verb(api: Api) -> None:
    api.denied |= {"create pods/exec"}
    code, told = raymesh("preflight", "--context", CONTEXT, "--running", "team/mine")
    assert code == FOUND
    assert "FAILED  rights: create pods/exec in team (to let Ray work, and to see the sockets of pods)" in told
    assert "cure: kubectl apply -f manifests/rbac/look.yaml" in told


def test_a_refused_exec_is_told_in_the_words_of_the_server(api: Api, kube: Kube) -> None:
    said = 'pods "head" is forbidden: User "ann" cannot create resource "pods/exec" in API group ""'
    api.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "head", "namespace": "team"}, "spec": {}})
    api.refused["* pods/exec"] = Answer(403, said, "Forbidden")
    with pytest.raises(CommandError, match="cure: whoever runs this lacks the right"):
        kube.exec("head", ["true"], container="ray-head", namespace="team")


@pytest.mark.parametrize("code", [401, 403])
def test_kiali_behind_a_login_is_told_with_the_token_as_its_cure(code: int) -> None:
    kube = Kube(None, Path("kubectl"))
    with serving_witness({"/kiali/api/status": (code, "log in"), "/api/status": (code, "log in")}) as url:
        with ExitStack() as stack, pytest.raises(EnvironmentFault) as error:
            reached.way(stack, kube, "kiali", Found(), lambda *_: None, address=url, token=None, ca=None)
        assert "kiali" in error.value.cause
        assert f"HTTP {code}" in error.value.cause
        assert "--kiali-token FILE" in error.value.cure


def targets(*intervals: str) -> str:
    active = [
        {
            "labels": {"job": "kubernetes-pods", "pod": f"p{number}"},
            "health": "up",
            "lastScrape": "2026-01-01T00:00:00Z",
            "scrapeUrl": "http://10.0.0.7:15020/stats/prometheus",
            "lastError": "",
            **({"scrapeInterval": interval} if interval else {}),
        }
        for number, interval in enumerate(intervals)
    ]
    return json.dumps({"status": "success", "data": {"activeTargets": active}})


@pytest.mark.parametrize(
    ("intervals", "seconds", "told"),
    [
        (("60s", "15s"), 240.0, "Prometheus scrapes every 60 s: evidence is waited for 240 s longer"),
        (("1m",), 240.0, "every 60 s"),
        (("15s",), 60.0, "every 15 s"),
        (("5s",), 0.0, ""),
        (("",), 0.0, ""),
        ((), 0.0, ""),
    ],
)
def test_a_prometheus_that_scrapes_seldom_is_given_time_and_the_record_says_so(
    intervals: tuple[str, ...], seconds: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "_SCALE", deadlines._Scale())
    with serving_witness({"/api/v1/targets?state=active": (200, targets(*intervals))}) as url:
        pace = reached.pace(Prometheus(Http(url, lambda *_: None)))
    assert pace.seconds == seconds
    assert told in pace.told
    assert bool(pace.told) == bool(seconds)
    deadlines.wait_for_evidence(pace.seconds)
    assert deadlines.evidence() == deadlines.EVIDENCE + seconds


def test_an_empty_cluster_lacks_everything_by_name(api: Api, kube: Kube) -> None:
    del api
    found = look(kube)
    assert set(found.missing) == {"istio", "kuberay", "kiali", "jaeger", "prometheus"}
    assert found.kubernetes == "v1.31.0"
    assert not found.cni


def test_a_subject_that_never_gets_ready_is_told_with_what_its_pods_said(api: Api, kube: Kube) -> None:
    status: dict[str, Any] = {
        "phase": "Running",
        "containerStatuses": [{"name": "ray-head", "ready": False, "restartCount": 0, "state": {"running": {}}}],
    }
    labels = {"ray.io/cluster": SUBJECT.name, "ray.io/node-type": "head"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "head", "namespace": "default", "labels": labels, "uid": "u1"},
        "spec": {"containers": [{"name": "ray-head", "image": "x"}]},
        "status": status,
    }
    api.put(
        pod,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "default"},
            "type": "Warning",
            "reason": "Unhealthy",
            "message": "Readiness probe failed: wget: can't connect",
            "involvedObject": {"kind": "Pod", "name": "head", "uid": "u1"},
            "lastTimestamp": "2026-01-01T00:00:00Z",
        },
    )
    with pytest.raises(EnvironmentFault) as error:
        deployed.ready(kube, SUBJECT, ["RM056 NetworkPolicy shuts istiod"], within=1)
    assert "Running, not ready: ray-head" in error.value.cause
    assert "head: Unhealthy: Readiness probe failed: wget: can't connect" in error.value.cause
    assert "RM056 NetworkPolicy shuts istiod" in error.value.cure
