"""The work that is hit: raymesh's own code, in a box of its own, with real namespaces, programs, files and locks.

Stand-ins are scripts for what a box can't have: dockerd, docker, kind, a Debian mirror, a Go toolchain with its cache.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from raymesh.audit import hosts
from raymesh.commands.main import main
from raymesh.evidence.artifacts import Artifacts
from raymesh.evidence.redact import Form
from raymesh.images import archive, given, gobuild
from raymesh.images.names import Reference, architecture
from raymesh.images.recipes import load_recipes
from raymesh.images.remote import Remote
from raymesh.lane import load_lane
from raymesh.machine import engine, packages, toolbox
from raymesh.machine.engine import Engine
from raymesh.machine.ownership import end_orphans
from raymesh.machine.toolbox import Toolbox
from raymesh.platform import kind
from raymesh.progress import Progress

USERS = Engine("docker", "27.1", "127.0.0.1")
SCRIPTS = {
    "apt-get": """
case "$*" in
*indextargets*) echo http://mirror.example/debian bookworm ;;
*download*) cp $BOX/debs/*.deb . ;;
esac
""",
    "go": """
case "$1" in
env) echo go1.26.0; echo $BOX/modules ;;
build) echo half > "$3"pause; sleep 0.2; echo whole > "$3"pause ;;
esac
""",
    # A node is a file of that name: in it whose it is. The private engine answers while its dockerd runs.
    "docker": """
last() { for word; do :; done; echo "$word"; }
case "$1" in
version) if [ -z "$DOCKER_HOST" ]; then echo 27.1; elif [ -f /run/raymesh/up ]; then echo 26.1; else exit 1; fi ;;
ps) case "$*" in *kind*) ls $BOX/nodes | sed s/-control-plane// ;; esac ;;
container) [ -f $BOX/nodes/$(last "$@") ] || exit 1
  case "$*" in *Mounts*) cat $BOX/nodes/$(last "$@") ;; esac ;;
esac
""",
    "kind": """
for word; do case $word in --name=*) name=${word#--name=} ;; --kubeconfig=*) key=${word#--kubeconfig=} ;; esac; done
case "$1 $2" in
"get clusters") ls $BOX/nodes | sed s/-control-plane// ;;
"create cluster")
  awk '/containerPath/ {path = $NF} /hostPath/ {host = $NF} END {print path, host}' \
    $XDG_CACHE_HOME/raymesh/clusters/$name.yaml > $BOX/nodes/$name-control-plane
  sleep 0.2
  echo "{clusters: [{name: x, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: x, user: {}}]," > $key
  echo "contexts: [{name: x, context: {cluster: x, user: x}}], current-context: x}" >> $key ;;
"delete cluster") sleep 0.1; for name; do :; done; rm -f $BOX/nodes/$name-control-plane ;;
esac
""",
    "kubectl": "exit 0",
    "dockerd": """
trap 'rm -f /run/raymesh/up; exit 0' TERM
sleep 0.2; touch /run/raymesh/up
while :; do sleep 0.2; done
""",
}


@dataclass(frozen=True)
class Scenario:
    """Work, and a check that its result is whole."""

    what: str
    work: Callable[[Path], None]


def prepare(box: Path) -> None:
    """Fill a box, from outside of the work that is hit."""
    for folder in ("programs", "nodes", "containers", "debs", "modules"):
        (box / folder).mkdir()
    for name, text in SCRIPTS.items():
        (box / "programs" / name).write_text(f"#!/bin/sh\n{text}\n")
        (box / "programs" / name).chmod(0o755)
    (box / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
    for name in ("kind", "kubectl"):
        root = box / "package" / name
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN" / "control").write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: none <none@example.org>\nDescription: none\n"
        )
        (root / "usr" / "bin").mkdir(parents=True)
        shutil.copy(box / "programs" / name, root / "usr" / "bin" / name)
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", root, box / "debs"], check=True, capture_output=True
        )


def settle_in(box: Path) -> None:
    """Let raymesh use the box's stand-ins, and never the machine's control groups."""
    packages.OS_RELEASE = box / "os-release"
    engine.CGROUPS = box / "cgroups"
    for name in ("PATH", "BOX"):
        assert str(box) in os.environ[name]


def _toolbox(box: Path) -> None:
    program = toolbox.toolbox("cluster", Progress()).program("kind")
    assert program.read_text() == (box / "programs" / "kind").read_text()


def _go(_: Path) -> None:
    logs = Path(os.environ["XDG_CACHE_HOME"]) / "logs"
    logs.mkdir(exist_ok=True, parents=True)
    made = gobuild.binaries(load_recipes(load_lane("seed")).go["pause"], load_lane("seed"), logs)
    assert (made / "pause").read_text() == "whole\n"


class _Shelf(BaseAdapter):
    """A registry without a network: what there is, by the end of its address."""

    def __init__(self, parts: dict[str, bytes]) -> None:
        super().__init__()
        self.parts = parts

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        """Answer as a registry does."""
        answer = Response()
        answer.status_code, answer.url = 200, request.url or ""
        answer.raw = io.BytesIO(self.parts[answer.url.rpartition("/")[2]])
        return answer

    def close(self) -> None:
        """Nothing is open."""


def _pull(_: Path) -> None:
    config = json.dumps({"architecture": architecture()}).encode()
    parts = {f"sha256:{hashlib.sha256(part).hexdigest()}": part for part in (config, b"layer" * 1000)}
    told, layer = ({"digest": digest, "size": len(part)} for digest, part in parts.items())
    client = Remote("registry.example")
    client.session.mount("https://", _Shelf({**parts, "1": json.dumps({"config": told, "layers": [layer]}).encode()}))
    load = given.pulled(client, client.manifest(Reference(client.host, "a", "1")), "mine:1")
    with load.file() as path:
        assert len(archive.look(path, architecture()).layers) == 1


def _cluster(box: Path) -> None:
    end_orphans()
    with kind.cluster(kind.Spec("crash", "image", (), ""), USERS, Progress(), keep=False) as (kube, _):
        assert kube.kubeconfig
        assert kube.kubeconfig.stat().st_size
        assert (box / "nodes" / "crash-control-plane").exists()
    assert not list((box / "nodes").iterdir())


def _engine(box: Path) -> None:
    # The stand-ins are on PATH already.
    engine.users_engine = lambda: None
    engine.toolbox = lambda *_, **__: Toolbox(box)  # type: ignore[attr-defined]  # a name that it imports
    end_orphans()
    with engine.engine(Progress(), keep=lambda: False) as found:
        assert found.docker("version").stdout == "26.1\n"
    assert not engine.private_traces()


def _hosts(_: Path) -> None:
    with hosts.hosts(loopback=False) as made:
        assert len(made.all) == 2


def _artifacts(box: Path) -> None:
    artifacts = Artifacts(box / "artifacts")
    artifacts.open()
    for name in ("record.json", "raw/kiali-graph.json", "bundles/test/pods.yaml"):
        artifacts.write(name, '{"kind": "List"}', Form.OBJECT)
    artifacts.close()
    assert {path.name for path in (box / "artifacts").rglob("*.*") if path.is_file() and path.name[0] != "."} == {
        "record.json",
        "kiali-graph.json",
        "pods.yaml",
    }


def _clean(_: Path) -> None:
    assert main(["clean"]) == 0


SCENARIOS = {
    "toolbox": Scenario("unpack a toolbox from Debian packages", _toolbox),
    "go": Scenario("build a Go family", _go),
    "pull": Scenario("pull an image", _pull),
    "cluster": Scenario("make, use and delete a cluster", _cluster),
    "engine": Scenario("start, use and end a private engine", _engine),
    "hosts": Scenario("make and remove the hosts of an audit", _hosts),
    "artifacts": Scenario("write artifacts", _artifacts),
    "clean": Scenario("raymesh clean", _clean),
}
