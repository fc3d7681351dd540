"""The failure bundle: complete, redacted, in time, and never a failure of its own."""

from __future__ import annotations

import json
from pathlib import Path

from raymesh.errors import CommandError
from raymesh.evidence import collect

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
    collect(
        cluster,
        folder,
        namespaces=("default", "istio-system"),
        manifests={"service.yaml": "kind: Service\n"},
        seconds=seconds,
    )
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


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


def test_a_folder_that_can_not_be_written_is_no_failure(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    collect(Cluster(), blocked, namespaces=("default",), manifests={}, seconds=60)
    assert blocked.read_text() == "in the way"
