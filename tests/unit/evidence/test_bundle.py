"""The failure bundle: complete, redacted, in time, and never a failure of its own."""

from __future__ import annotations

import json
from pathlib import Path

from raymesh.errors import CommandError
from raymesh.evidence.artifacts import MARKER, Artifacts
from raymesh.evidence.bundle import collect
from raymesh.evidence.redact import Form

PODS = {
    "items": [
        {
            "metadata": {"name": "head"},
            "status": {
                "initContainerStatuses": [{"name": "istio-init", "restartCount": 0}],
                "containerStatuses": [
                    {"name": "ray-head", "restartCount": 2},
                    {"name": "istio-proxy", "restartCount": 0},
                ],
            },
        },
        {"metadata": {"name": "pending"}, "status": {}},
    ]
}


class Cluster:
    """Answers kubectl as a cluster with one Ray pod would; what matches `broken` fails."""

    def __init__(self, broken: str = "no such call") -> None:
        self.broken = broken
        self.calls: list[list[str]] = []

    def __call__(self, args: list[str]) -> str:
        self.calls.append(args)
        line = " ".join(args)
        if self.broken in line:
            raise CommandError("exit code 1: token: hunter2hunter2")
        if line.endswith("--output json"):
            return json.dumps(PODS if "default" in args else {"items": []})
        return f"{line}\nAuthorization: Bearer hunter2hunter2\n"


def collected(cluster: Cluster, folder: Path, *, seconds: float = 60) -> set[str]:
    artifacts = Artifacts(folder)
    artifacts.open()
    collect(
        cluster,
        artifacts.write,
        namespaces=("default", "istio-system"),
        manifests={"service.yaml": "kind: Service\n"},
        seconds=seconds,
    )
    artifacts.close()
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MARKER}


def test_all_that_matters_is_taken(tmp_path: Path) -> None:
    assert collected(Cluster(), tmp_path) == {
        "manifests/service.yaml",
        *(f"{ns}/{kind}" for ns in ("default", "istio-system") for kind in ("pods.yaml", "events.yaml")),
        *(f"{ns}/{kind}" for ns in ("default", "istio-system") for kind in ("services.yaml", "containers.txt")),
        "default/head/istio-init.log",
        "default/head/ray-head.log",
        "default/head/ray-head.previous.log",
        "default/head/istio-proxy.log",
        "default/head/envoy-config_dump.txt",
        "default/head/envoy-clusters.txt",
        "errors.txt",
    }
    assert (tmp_path / "errors.txt").read_text() == ""
    assert "--previous" in (tmp_path / "default/head/ray-head.previous.log").read_text()


def test_nothing_is_written_with_its_secrets(tmp_path: Path) -> None:
    collected(Cluster(broken="--previous"), tmp_path)
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in texts if "hunter2" in text]


def test_every_call_has_a_deadline(tmp_path: Path) -> None:
    cluster = Cluster()
    collected(cluster, tmp_path)
    assert all(call[0].startswith("--request-timeout=") for call in cluster.calls)


def test_what_fails_is_written_down_and_the_rest_is_taken(tmp_path: Path) -> None:
    files = collected(Cluster(broken="exec"), tmp_path)
    assert "default/head/ray-head.log" in files
    assert "default/head/envoy-clusters.txt" not in files
    errors = (tmp_path / "errors.txt").read_text().splitlines()
    assert errors == [
        f"default/head/envoy-{path}.txt: CommandError: exit code 1: token: [redacted]"
        for path in ("config_dump", "clusters")
    ]


def test_a_cluster_that_does_not_answer_leaves_only_errors(tmp_path: Path) -> None:
    assert collected(Cluster(broken=""), tmp_path) == {"manifests/service.yaml", "errors.txt"}
    assert "default/pods.yaml: CommandError" in (tmp_path / "errors.txt").read_text()


def test_when_the_time_is_over_the_rest_is_named(tmp_path: Path) -> None:
    cluster = Cluster()
    assert collected(cluster, tmp_path, seconds=-1) == {"errors.txt"}
    assert cluster.calls == []
    assert "default/pods.yaml: not taken, the time was over" in (tmp_path / "errors.txt").read_text()


def test_a_disk_that_takes_nothing_is_no_failure() -> None:
    tried: list[str] = []

    def keep(name: str, _text: str, _form: Form) -> None:
        tried.append(name)
        raise OSError("no space left on device")

    collect(Cluster(), keep, namespaces=("default",), manifests={"service.yaml": "kind: Service\n"}, seconds=60)
    assert {"manifests/service.yaml", "default/pods.yaml", "errors.txt"} <= set(tried)


def test_a_secret_in_a_manifest_or_an_object_is_taken_out(tmp_path: Path) -> None:
    def answers(args: list[str]) -> str:
        return "kind: List\nitems:\n- kind: Secret\n  data: {any: aHVudGVyMg==}\n" if "yaml" in args else "{}"

    artifacts = Artifacts(tmp_path)
    artifacts.open()
    manifests = {"pod.yaml": "kind: Pod\nspec: {containers: [{env: [{name: ANY_NAME, value: hunter2}]}]}\n"}
    collect(answers, artifacts.write, namespaces=("default",), manifests=manifests, seconds=60)
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in texts if "hunter2" in text or "aHVudGVyMg" in text]
    assert artifacts.taken_out() == {"environment values": 1, "data of Secrets": 3}
    artifacts.close()
