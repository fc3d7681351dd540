"""Which run of a workflow may cancel which other one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from raymesh.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
OF_ITS_OWN = re.compile(
    r"\$\{\{ github\.event_name == 'pull_request' && github\.(ref|head_ref) \|\| github\.run_id \}\}"
)


def workflow(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_only_pull_requests_are_cancelled_by_newer_runs(path: Path) -> None:
    """A group holds one that runs and one that waits: even without cancelling, a third one would drop the second."""
    found = workflow(path)
    if set(found[True]) <= {"pull_request"}:  # YAML 1.1: `on` is a truth value
        return
    group = found.get("concurrency", {}).get("group", "${{ github.run_id }}")
    assert OF_ITS_OWN.search(group) or group.endswith("${{ github.run_id }}")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_has_a_limit_and_no_right_that_it_does_not_name(path: Path) -> None:
    found = workflow(path)
    assert found["permissions"] == {}
    for name, job in found["jobs"].items():
        assert "timeout-minutes" in job or "uses" in job, name


@pytest.mark.parametrize("name", ["e2e", "arm64"])
def test_a_run_is_asked_to_end_before_its_job_is_cut_off(name: str) -> None:
    job = workflow(ROOT / ".github" / "workflows" / "e2e.yaml")["jobs"][name]
    [command] = [step["run"] for step in job["steps"] if "make e2e" in step.get("run", "")]
    asked = re.fullmatch(r"timeout --signal=TERM --kill-after=(\d+)m (\d+)m make e2e", command)
    assert asked
    assert int(asked[1]) + int(asked[2]) < job["timeout-minutes"]


def test_both_systems_and_both_architectures_have_a_job() -> None:
    mac = workflow(ROOT / ".github" / "workflows" / "ci.yaml")["jobs"]["mac"]
    assert mac["runs-on"].startswith("macos-")
    assert "make test" in [step.get("run") for step in mac["steps"]]
    arm = workflow(ROOT / ".github" / "workflows" / "e2e.yaml")["jobs"]["arm64"]
    assert arm["runs-on"].endswith("-arm")
    assert arm["env"]["RAYMESH_IMAGE_SOURCE"] == "pull"
