"""A machine without /proc, `ip`, namespaces, Debian or root: the way with a user's own engine, and all without one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from raymesh.paths import ROOT
from tests.unit.machine import hidden
from tests.unit.platform.test_kind import DOCKER, KIND

# How one of these programs is started, so that psutil finds its own way as it does on every system.
BEGIN = """
import contextlib, os, sys
from pathlib import Path
import psutil
psutil.PROCFS_PATH = sys.argv[1]
assert os.geteuid() != 0 and not os.listdir("/proc")
from raymesh.machine import packages
packages.OS_RELEASE = Path("/nowhere/os-release")  # as where it is no Debian
"""
WITH_AN_ENGINE = (
    BEGIN
    + """
from raymesh.machine import locks, ownership
from raymesh.machine.engine import engine
from raymesh.machine.memory import check_memory
from raymesh.machine.ownership import end_orphans, is_gone, mark, namespace, started
from raymesh.errors import EnvironmentFault, InUse
from raymesh.platform import existing, kind, spaces
from raymesh.progress import Progress

assert started(os.getpid()) and namespace() == 0
assert not is_gone(os.getpid(), started(os.getpid()), 0) and is_gone(2**22 - 3, "1", 0)
end_orphans()
with contextlib.suppress(EnvironmentFault):  # how much there is, is this machine's affair
    check_memory()
assert not spaces.Space("a", spaces._owner(), spaces.datetime.now(spaces.UTC) + spaces.LIVES).stale
with engine(Progress(), keep=lambda: True) as found:
    assert (found.kind, found.version, found.architecture) == ("docker", "27.1", "arm64")
    with kind.cluster(kind.Spec("mine", "image", (), ""), found, Progress(), keep=False) as (kube, again):
        assert not again and kind.ours(found) == ["mine"]
        try:
            with locks.exclusive(kind.lock("mine"), what="the name", within=0):
                raise AssertionError("two have it")
        except InUse as error:
            assert "a process that can't be seen from here" in str(error)
    assert kind.ours(found) == []
print("fine")
"""
)
WITHOUT_ANYTHING = (
    BEGIN
    + """
from raymesh.commands.main import main
os.chdir(sys.argv[2])
root = sys.argv[3]
subject = f"{root}/manifests/subjects/autoscaler.yaml"
record = f"{root}/records/seed-build-2026-11-25.json"
for code, *words in (
    (0, "ports", "lint", subject),
    (1, "ports", "lint", f"{root}/manifests/subjects/broken-missing-port.yaml"),
    (0, "ports", "generate", "--ray", "2.46.0", "--name", "mine"),
    (0, "ports", "generate", "--merge", subject, "--diff"),
    (0, "explain", "RM001"),
    (0, "lanes"),
    (0, "report", record),
    (0, "ports", "posture", record),
    (0, "compare", record, record),
):
    got = main(list(words))
    assert got == code, (words, got)
print("fine")
"""
)


def may_hide(folder: Path) -> bool:
    """Whether this machine lets a user have namespaces, which is how /proc is hidden here."""
    done = subprocess.run(
        [sys.executable, hidden.__file__, folder, "-c", "pass"], check=False, capture_output=True, text=True
    )
    return done.returncode == 0


def run_hidden(program: str, tmp_path: Path, *words: str | Path) -> str:
    other = tmp_path / "processes"
    other.mkdir()
    if not may_hide(other):
        pytest.skip("no user namespaces: /proc can't be hidden from a program here")
    path = tmp_path / "program.py"
    path.write_text(program)
    programs = tmp_path / "programs"
    programs.mkdir()
    docker = DOCKER.replace('case "$1 $2" in', 'case "$1 $2" in\n"version --format") echo 27.1 arm64 ;;')
    for name, script in {"docker": docker, "kind": KIND, "kubectl": "#!/bin/sh\n"}.items():
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    (tmp_path / "nodes").mkdir()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "RAYMESH_"))},
        "NODES": str(tmp_path / "nodes"),
        "PATH": f"{programs}:/usr/bin:/bin",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, hidden.__file__, other, path, other, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout


def test_a_cluster_is_made_in_a_users_engine_without_proc_and_root(tmp_path: Path) -> None:
    assert run_hidden(WITH_AN_ENGINE, tmp_path).endswith("fine\n")


def test_what_needs_no_cluster_needs_neither(tmp_path: Path) -> None:
    assert run_hidden(WITHOUT_ANYTHING, tmp_path, tmp_path, ROOT).endswith("fine\n")


# Who may read /proc or take namespaces, and why: each is asked for on Linux alone, or knows what to do without.
READS_PROC = {
    "raymesh/machine/owned.py": "audits, which watch Ray's own sockets",
    "raymesh/machine/locks.py": "names who holds a lock, or says that it can't be seen",
    "raymesh/machine/ownership.py": "ticks since the system booted, else the clock",
    "raymesh/machine/engine.py": "the private engine, which takes Linux and root",
    "raymesh/machine/netns.py": "the private engine and audits on several hosts",
    "raymesh/audit/watch.py": "audits",
    "raymesh/audit/hosts.py": "audits",
    "raymesh/audit/measure.py": "audits",
}


def test_nothing_else_reads_proc() -> None:
    reads = re.compile(r'Path\(f?"/proc|open\(f?"/proc')
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "raymesh").rglob("*.py")
        if "inside" not in path.parts and reads.search(path.read_text())
    }
    assert found == set(READS_PROC)
