"""`--context`, with a stand-in for kubectl that answers as kubectl does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from raymesh.commands.live import MESH, PLAIN, RAY
from raymesh.commands.main import main
from tests.unit.lint.examples import CLEAN, NODE_MANAGER, STRICT

# Answers `api-resources` with the kinds in KINDS, and `get` with those of the objects in OBJECTS that were asked for.
KUBECTL = """\
#!{python}
import json, os, sys
words = [w for w in sys.argv[1:] if not w.startswith("--context=") and not w.startswith("--request-timeout=")]
if words[:2] == ["config", "get-contexts"]:
    print("good")
    sys.exit()
with open("asked", "a") as log:
    print(*words, file=log)
if "--context=good" not in sys.argv:
    sys.exit("error: context was not found for specified context")
kinds = json.loads({kinds!r})
if words[0] == "api-resources":
    print("\\n".join(kinds))
    sys.exit()
asked = words[1].split(",")
if set(asked) - set(kinds):
    sys.exit("error: the server doesn't have a resource type " + sorted(set(asked) - set(kinds))[0])
namespace = next((w.partition("=")[2] for w in words if w.startswith("--namespace=")), None)
items = [o for o in json.loads({objects!r}) if any(k.split(".")[0].rstrip("s") in o["kind"].lower() for k in asked)]
items = [o for o in items if namespace in (None, o["metadata"].get("namespace"))]
print(json.dumps({{"apiVersion": "v1", "kind": "List", "items": items}}))
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and a kubectl before all others on PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    serve(tmp_path, CLEAN)
    return tmp_path


def serve(folder: Path, text: str, kinds: tuple[str, ...] = (*RAY[:3], *PLAIN, MESH[0])) -> None:
    objects = json.dumps([doc for doc in yaml.safe_load_all(text) if doc])
    (folder / "kubectl").write_text(KUBECTL.format(python=sys.executable, kinds=json.dumps(kinds), objects=objects))
    (folder / "kubectl").chmod(0o755)


@pytest.mark.usefixtures("cluster")
def test_what_runs_is_linted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "lint", "--context", "good"]) == 0
    assert capsys.readouterr().out == "1 document: clean\n"


def test_a_finding_names_the_object(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    serve(cluster, CLEAN.replace(NODE_MANAGER, ""))
    assert main(["ports", "lint", "--context", "good"]) == 1
    assert "(from RayCluster/default/mine)" in capsys.readouterr().out


def test_only_kinds_that_the_cluster_has_are_asked_for(cluster: Path) -> None:
    main(["ports", "lint", "--context", "good"])
    asked = (cluster / "asked").read_text().splitlines()[1]
    assert asked == f"get {','.join((*RAY[:3], *PLAIN, MESH[0]))} --all-namespaces --output=yaml"


def test_a_namespace_is_read_with_the_policies_of_the_root_namespace(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_port = f"{STRICT}  portLevelMtls: {{6380: {{mode: PERMISSIVE}}}}\n".replace("default}", "istio-system}", 1)
    other = CLEAN.replace(NODE_MANAGER, "").replace("namespace: default", "namespace: other")
    serve(cluster, f"{CLEAN}---\n{other}---\n{open_port}")
    main(["ports", "lint", "--context", "good", "-n", "default", "--format", "json"])
    told = capsys.readouterr().out
    assert "RM001" not in told, "that is of another namespace"
    assert [line.split()[2] for line in (cluster / "asked").read_text().splitlines()[1:]] == [
        "--namespace=default",
        "--namespace=istio-system",
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--context", "bad"], 2, "--context bad: ~/.kube/config has good"),
        (["--context", "good", "mine.yaml"], 2, "give no files beside it"),
        (["--context", "good", "--fix"], 2, "can't change standard input or a cluster"),
        (["-n", "default"], 2, "--namespace goes with --context"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_what_can_not_be_done_is_said(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ports", "lint", *words]) == code
    assert message in capsys.readouterr().err


def test_a_cluster_without_kuberay_and_a_machine_without_kubectl_are_told(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(cluster, CLEAN, kinds=PLAIN)
    assert main(["ports", "lint", "--context", "good"]) == 2
    assert "is the KubeRay operator installed?" in capsys.readouterr().err
    (cluster / "kubectl").unlink()
    assert main(["ports", "lint", "--context", "good"]) == 4
    assert "there is no kubectl on PATH" in capsys.readouterr().err
