"""Whose a cluster is, and that two runs do not take it from each other; kind and docker are scripts with a folder."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raymesh.errors import CommandError, EnvironmentFault
from raymesh.images.given import Load
from raymesh.machine import locks
from raymesh.machine.engine import Engine
from raymesh.platform import kind
from raymesh.platform.kind import Spec
from raymesh.progress import Progress
from raymesh.waiting import wait_for

# A node is a file: its name, and in it the owner mount. Whatever is done is written down.
DOCKER = """#!/bin/sh
echo docker "$@" >> $NODES/../calls
case "$1 $2" in
"container inspect")
  for name; do :; done
  [ -f $NODES/$name ] || exit 1
  case "$*" in *Mounts*) cat $NODES/$name ;; esac ;;
"ps --all") cd $NODES && ls | sed s/-control-plane// ;;
esac
"""
KIND = """#!/bin/sh
echo kind "$@" >> $NODES/../calls
for word; do case $word in --name=*) name=${word#--name=} ;; --kubeconfig=*) key=${word#--kubeconfig=} ;; esac; done
case "$1 $2" in
"get clusters") cd $NODES && ls | sed s/-control-plane// ;;
"create cluster")
  [ -z "$KIND_HANGS" ] || { echo "Preparing nodes"; sleep 60; }
  awk '/containerPath/ {path = $2 == "" ? $3 : $NF} /hostPath/ {host = $NF} END {print path, host}' $(
    for word; do [ "$last" = --config ] && echo $word; last=$word; done) > $NODES/$name-control-plane
  echo "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:1'}}]" > $key
  echo "contexts: [{name: x, context: {cluster: x, user: x}}]" >> $key
  echo "users: [{name: x, user: {}}]" >> $key
  echo "current-context: x" >> $key ;;
"delete cluster") for name; do :; done; rm -f $NODES/$name-control-plane ;;
esac
"""
RUN = """
import shutil
import sys
from raymesh.machine.engine import Engine
from raymesh.machine import locks
from pathlib import Path
from raymesh.platform import kind
from raymesh.progress import Progress
locks._folder = lambda: Path(sys.argv[1])
kind._program = lambda name, _: Path(shutil.which(name))
engine = Engine("docker", "27", "127.0.0.1")
with kind.cluster(kind.Spec(sys.argv[2], "image", (), ""), engine, Progress(), keep=False):
    print("up", flush=True)
    sys.stdin.read()
print("gone", flush=True)
"""
ENGINE = Engine("docker", "27.1", "127.0.0.1")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the scripts write down what they are asked."""
    programs = tmp_path / "programs"
    for name, script in {"docker": DOCKER, "kind": KIND, "kubectl": "#!/bin/sh\n"}.items():
        programs.mkdir(exist_ok=True)
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    (tmp_path / "nodes").mkdir()
    monkeypatch.setenv("NODES", str(tmp_path / "nodes"))
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(locks, "_folder", lambda: tmp_path / "locks.d")
    monkeypatch.setattr(kind, "toolbox", not_debian)
    return tmp_path / "calls"


def not_debian(*_: object) -> None:
    raise EnvironmentFault("not Debian", "run on Debian")


def spec(name: str) -> Spec:
    return Spec(name, "image", (), "")


def test_pytest_kind_makes_it_and_our_environment_stays_as_it_was(calls: Path, tmp_path: Path) -> None:
    before = dict(os.environ)
    with kind.cluster(spec("a"), ENGINE, Progress(), keep=False) as (kube, found):
        assert not found
        assert dict(os.environ) == before
        assert kube.kubeconfig
        assert kube.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert kind.ours(ENGINE) == ["a"]
    made = [row for row in calls.read_text().splitlines() if row.startswith("kind create")]
    assert made == [
        f"kind create cluster --name=a --kubeconfig={kube.kubeconfig} --image=image --config "
        f"{tmp_path / 'cache/raymesh/clusters/a.yaml'}"
    ]
    assert kind.ours(ENGINE) == []
    assert not Path(".pytest-kind").exists()


def test_what_pods_send_out_and_what_comes_through_the_node_is_rejected_in_both_families(calls: Path) -> None:
    with kind.cluster(spec("a"), ENGINE, Progress(), keep=False):
        pass
    rules = [row for row in calls.read_text().splitlines() if "raymesh leak guard" in row]
    for family in ("iptables", "ip6tables"):
        for direction in ("--out-interface eth0", "--in-interface eth0"):
            [rule] = [row for row in rules if f" {family} " in row and direction in row]
            assert "--insert FORWARD 1" in rule
            assert rule.endswith("--jump REJECT")


@pytest.mark.usefixtures("calls")
def test_a_kind_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIND_HANGS", "yes")
    monkeypatch.setattr(kind, "CREATE_SECONDS", 5)
    began = time.monotonic()
    with (
        pytest.raises(CommandError, match=r"no end after 5 s: [\s\S]*\n  log: .*/clusters/a.log"),
        kind.cluster(spec("a"), ENGINE, Progress(), keep=False),
    ):
        pass
    assert time.monotonic() - began < 50, "kind itself would take a minute"


def test_a_cluster_that_nobody_of_us_made_is_not_touched(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "nodes" / "a-control-plane").write_text("/var /elsewhere\n")
    with (
        pytest.raises(EnvironmentFault, match="a kind cluster 'a' that raymesh did not make\n  cure: choose another"),
        kind.cluster(spec("a"), ENGINE, Progress(), keep=False),
    ):
        pass
    assert "kind delete" not in calls.read_text()


def test_a_cluster_of_another_cache_folder_is_not_touched_and_its_cure_names_that(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "nodes" / "a-control-plane").write_text("/raymesh/1234 /home/bob/.cache/raymesh/clusters/owner\n")
    assert kind.ours(ENGINE) == []
    with pytest.raises(EnvironmentFault, match=r"another cache folder, .*\n.*XDG_CACHE_HOME=/home/bob/.cache raymesh"):
        kind.remove("a", ENGINE, Progress())
    assert "kind delete" not in calls.read_text()


@contextlib.contextmanager
def a_run(tmp_path: Path, name: str, said: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that has, or waits for, a cluster until its standard input ends."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    words = [sys.executable, "-c", RUN, str(tmp_path / "locks.d"), name]
    with (
        said.open("w") as sink,
        subprocess.Popen(
            words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, text=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


@pytest.mark.usefixtures("calls")
def test_a_run_waits_for_the_name_that_another_one_uses_and_other_names_are_free(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes"
    with a_run(tmp_path, "a", tmp_path / "1") as first:
        assert line(first) == "up\n"
        with a_run(tmp_path, "a", tmp_path / "2") as second, a_run(tmp_path, "b", tmp_path / "3") as other:
            assert line(other) == "up\n"
            told = wait_for(
                "the second one says for whom it waits",
                (tmp_path / "2").read_text,
                until=lambda text: "waiting up to" in text,
                within=30,
                every=0.1,
            )
            assert f"the cluster name a: in use by process {first.pid} of " in told
            assert sorted(path.name for path in nodes.iterdir()) == ["a-control-plane", "b-control-plane"]
            assert second.poll() is None
            assert first.communicate("", timeout=30)[0] == "gone\n"
            assert line(second) == "up\n"
            assert second.communicate("", timeout=30)[0] == "gone\n"
            assert sorted(path.name for path in nodes.iterdir()) == ["b-control-plane"]
            other.communicate("", timeout=30)
    assert not list(nodes.iterdir())


def load(fails: bool = False) -> Load:
    def write(path: Path) -> None:
        if fails:
            raise EnvironmentFault("the registry broke off", "run again")
        path.write_text("an image")

    return Load("mine:1", "sha256:1", "mine:1, a file", {}, write)


def test_images_are_in_the_nodes_before_the_cluster_is_whole(calls: Path) -> None:
    with kind.cluster(spec("a"), ENGINE, Progress(), keep=False, loads=[load()]):
        rows = calls.read_text().splitlines()
    [loaded] = [row for row in rows if row.startswith("kind load image-archive ")]
    assert loaded.endswith(" --name a")
    assert rows.index(loaded) < rows.index(f"docker exec a-control-plane touch {kind.WHOLE}")


def test_a_cluster_whose_images_did_not_come_is_no_whole_one(calls: Path) -> None:
    made = kind.cluster(spec("a"), ENGINE, Progress(), keep=True, loads=[load(fails=True)])
    with pytest.raises(EnvironmentFault, match="the registry broke off"), made:
        pass
    assert kind.WHOLE not in calls.read_text()


def test_a_kept_cluster_of_another_lane_is_not_taken_and_makes_way(calls: Path) -> None:
    seed, other = (Spec("a", f"localhost/raymesh/node:v1.29.15-{key}", (), key) for key in ("seed", "guide-now"))
    assert seed.identity != other.identity
    with kind.cluster(seed, ENGINE, Progress(), keep=True):
        pass
    with kind.cluster(other, ENGINE, Progress(), keep=True) as (_, found):
        assert not found
    rows = [row for row in calls.read_text().splitlines() if row.startswith(("kind create", "kind delete"))]
    assert [row.split()[1] for row in rows] == ["create", "delete", "create"]
