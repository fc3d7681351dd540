"""The hooks under real pre-commit: they see the whole repository, once, whatever is staged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN, NODE_MANAGER

SERVICE, CLUSTER = CLEAN.split("---\n")
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
IDENTITY = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ = own | IDENTITY | {"PYTHONPATH": str(ROOT), "PRE_COMMIT_HOME": str(folder.parent / "cache")}
    environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def git(folder: Path, *words: str) -> str:
    done = run(folder, "git", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed repository whose cluster and Service lie in two folders, with our hooks from a repository of theirs.

    They run in this environment instead of one that pre-commit would install: `language: system`.
    """
    hooks, own = tmp_path / "hooks", tmp_path / "own"
    for folder in (hooks, own):
        folder.mkdir()
        git(folder, "init", "--quiet")
    (hooks / ".pre-commit-hooks.yaml").write_text((ROOT / ".pre-commit-hooks.yaml").read_text())
    git(hooks, "add", ".")
    git(hooks, "commit", "--quiet", "--message=hooks")
    here = [
        {"id": name, "language": "system", "entry": hook["entry"].replace("raymesh", f"{sys.executable} -m raymesh", 1)}
        for name, hook in HOOKS.items()
    ]
    config = {"repos": [{"repo": str(hooks), "rev": git(hooks, "rev-parse", "HEAD"), "hooks": here}]}
    (own / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    for name, text in (("clusters", CLUSTER), ("services", SERVICE)):
        (own / name).mkdir()
        (own / name / "ray.yaml").write_text(text)
    git(own, "add", ".")
    git(own, "commit", "--quiet", "--message=clean")
    return own


def pre_commit(repository: Path, hook: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run(repository, sys.executable, "-m", "pre_commit", "run", hook, "--color=never", "--verbose", *words)


def test_a_staged_cluster_is_judged_with_the_service_that_is_not_staged(repository: Path) -> None:
    (repository / "clusters" / "ray.yaml").write_text(f"# staged alone\n{CLUSTER}")
    git(repository, "add", ".")
    done = pre_commit(repository, "raymesh-ports-lint")
    assert (done.returncode, "2 documents: clean" in done.stdout) == (0, True), done.stdout + done.stderr


def test_a_fault_in_what_is_not_staged_is_found(repository: Path) -> None:
    (repository / "services" / "ray.yaml").write_text(SERVICE.replace(NODE_MANAGER, ""))
    git(repository, "commit", "--quiet", "--all", "--message=broken")
    (repository / "clusters" / "ray.yaml").write_text(f"# staged alone\n{CLUSTER}")
    git(repository, "add", ".")
    done = pre_commit(repository, "raymesh-ports-lint")
    assert done.returncode == 1
    assert "error RM001" in done.stdout


def test_it_runs_once_however_many_files_there_are(repository: Path) -> None:
    for number in range(300):
        text = CLEAN.replace("mine", f"ray-{number}")
        (repository / f"{number}-{'x' * 120}.yaml").write_text(text)
    git(repository, "add", ".")
    done = pre_commit(repository, "raymesh-ports-lint", "--all-files")
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if "documents" in line] == ["602 documents: clean"]


def test_nothing_runs_where_no_manifest_is_staged(repository: Path) -> None:
    (repository / "notes.txt").write_text("x")
    git(repository, "add", ".")
    assert "Skipped" in pre_commit(repository, "raymesh-ports-lint").stdout


def test_the_fixing_hook_writes_and_fails_so_that_the_change_is_looked_at(repository: Path) -> None:
    path = repository / "services" / "ray.yaml"
    path.write_text(SERVICE.replace(NODE_MANAGER, ""))
    git(repository, "add", ".")
    done = pre_commit(repository, "raymesh-ports-fix")
    assert done.returncode == 1
    assert "files were modified by this hook" in done.stdout
    assert "fixed 1 of 1; clean" in done.stdout
    assert "port: 6380" in path.read_text()
