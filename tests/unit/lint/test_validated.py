"""What KubeRay refuses: against answers of its own check, and word by word what its CRD knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from raymesh.lint.run import lint_texts

# Answers of ValidateRayCluster..., ValidateRayJob..., ValidateRayService... and ValidateRayCronJobSpec of ray-operator
# 1.6.1, with RayServiceIncrementalUpgrade on, to random objects: whether it refuses, and the object. Of 24,000 the
# shortest two for each of its messages, and fifty that it takes.
RECORDED = json.loads(Path(__file__).with_name("kuberay_answers.json").read_text())
TEMPLATE = {"spec": {"containers": [{"name": "ray", "image": "rayproject/ray:2.60.0"}]}}


def filled(value: Any) -> Any:
    """An object with the template that the recording leaves out."""
    if isinstance(value, dict):
        return {k: TEMPLATE if k == "template" and v == "plain" else filled(v) for k, v in value.items()}
    return [filled(one) for one in value] if isinstance(value, list) else value


def refused(told: Any) -> bool:
    text = yaml.safe_dump({"apiVersion": "ray.io/v1", **filled(told)}, sort_keys=False)
    return any(f.rule in ("RM081", "RM082") for f in lint_texts({"a.yaml": text}).findings)


def test_every_recorded_answer_of_kuberay_is_foreseen() -> None:
    assert [told for answer, told in RECORDED if refused(told) != answer] == []


def test_the_recording_has_both_answers_of_every_kind() -> None:
    kinds = {(told["kind"], answer) for answer, told in RECORDED}
    assert kinds == {(k, a) for k in ("RayCluster", "RayJob", "RayService", "RayCronJob") for a in (True, False)}


def cluster(**spec: Any) -> dict[str, Any]:
    head = {"rayStartParams": {}, "template": "plain"}
    return {
        "kind": "RayCluster",
        "metadata": {"name": "mine"},
        "spec": {"rayVersion": "2.60.0", "headGroupSpec": head, **spec},
    }


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({"upgradeStrategy": {"type": "NewCluster"}}, True),
        ({"upgradeStrategy": {"type": "Recreate"}}, False),
        ({"autoscalerOptions": {"version": "v3"}}, True),
        ({"autoscalerOptions": {"upscalingMode": "default"}}, True),
        ({"autoscalerOptions": {"upscalingMode": "Aggressive", "version": "v2"}}, False),
        ({"authOptions": {"mode": "Token"}}, True),
        ({"authOptions": {"mode": "disabled"}}, False),
    ],
)
def test_words_of_the_crd(spec: dict[str, Any], wrong: bool) -> None:
    assert refused(cluster(**spec)) is wrong


@pytest.mark.parametrize("name", ["mine", "m-1", "m" * 53])
def test_names_that_fit(name: str) -> None:
    told = cluster()
    told["metadata"] = {"name": name}
    assert not refused(told)
    told["metadata"] = {"generateName": "Mine-"}
    assert not refused(told), "the API server makes the rest of the name"


@pytest.mark.parametrize("name", ["Mine", "1mine", "my.ray", "my_ray", "mine-", "m" * 54])
def test_names_that_do_not(name: str) -> None:
    told = cluster()
    told["metadata"] = {"name": name}
    assert refused(told)
