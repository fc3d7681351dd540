"""Rights on a borrowed cluster: the manifests are the table, and who looks only may change nothing."""

from __future__ import annotations

import pytest
import yaml

from raymesh.paths import ROOT
from raymesh.platform.rights import MODES, RIGHTS, Mode, role

FOLDER = ROOT / "manifests" / "rbac"


@pytest.mark.parametrize("mode", MODES)
def test_the_manifest_is_the_table(mode: Mode) -> None:
    assert yaml.safe_load((FOLDER / f"{mode}.yaml").read_text()) == role(mode)


def test_there_is_a_manifest_a_mode_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(MODES)


def test_who_only_looks_can_change_nothing() -> None:
    verbs = {
        (resource, verb) for rule in role("look")["rules"] for resource in rule["resources"] for verb in rule["verbs"]
    }
    changing = {(resource, verb) for resource, verb in verbs if verb not in ("get", "list")}
    assert changing == {("pods/exec", "create"), ("pods/portforward", "create")}


def test_nothing_is_asked_for_with_a_wildcard_and_everything_has_a_purpose() -> None:
    for right in RIGHTS:
        assert "*" not in (right.group, *right.resources, *right.verbs)
        assert right.purpose.startswith("to ")
        assert right.modes
