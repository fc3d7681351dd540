"""The linter's copy of Ray's parameter check, against real Ray of each recorded version, with random settings."""

from __future__ import annotations

import json
import random
import shlex

import pytest

from raymesh import deadlines
from raymesh.audit.environments import environment
from raymesh.audit.recordings import recorded_versions
from raymesh.machine.programs import run
from raymesh.paths import ROOT
from raymesh.ports import parse_version
from raymesh.ports.startup import refusals
from raymesh.progress import Progress
from tests.unit.ports.settings_of_ray import Setting, random_setting

pytestmark = pytest.mark.ports

SETTINGS = 4000
CHECK = ROOT / "raymesh" / "inside" / "start_check.py"


def arguments(setting: Setting) -> list[str]:
    """What KubeRay makes of rayStartParams (convertParamMap, setMissingRayStartParams), and the shell of it."""
    params = {"metrics-export-port": "8080", "dashboard-agent-listen-port": "52365", **setting.params, "block": "true"}
    flags = []
    for name, value in sorted(params.items()):
        if value.lower() in ("true", "false") and name not in ("log-color", "include-dashboard"):
            flags += [f" --{name} "] if value.lower() == "true" else []
        else:
            flags.append(f" --{name}={value} ")
    own = ["--node-ip-address=127.0.0.1", *(["--head"] if setting.role == "head" else ["--address=127.0.0.1:6379"])]
    return [*own, *shlex.split("".join(flags))]


@pytest.mark.parametrize("version", recorded_versions())
def test_the_linter_refuses_what_ray_start_refuses(version: str) -> None:
    """Thousands of settings, no disagreement."""
    known = parse_version(version)
    chance = random.Random(version)
    settings = [random_setting(chance, known) for _ in range(SETTINGS)]
    ray = environment(version, Progress())
    asked = json.dumps([arguments(one) for one in settings])
    told = run([ray.python, CHECK], stdin=asked, timeout=deadlines.INSTALL)
    answers = json.loads(told.stdout.splitlines()[-1])
    wrong = []
    for one, answer in zip(settings, answers, strict=True):
        ours = [r for r in refusals(one.role, one.params, known) if r.by == "ray"]
        if bool(ours) != (answer is not None):
            wrong.append((one, answer, ours))
    refused = sum(answer is not None for answer in answers)
    assert SETTINGS / 10 < refused < SETTINGS * 9 / 10, "both kinds have to be among them"
    assert not wrong, f"{len(wrong)} of {SETTINGS}: {wrong[:3]}"
