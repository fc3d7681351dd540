"""Preflight: what a cluster is like, told from what it says of itself, and the cure where that will not do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raymesh.machine.programs import Completed
from raymesh.mesh.found import Found
from raymesh.mesh.preflight import Asked, Check, failed, istio, kuberay, mtls, room, security, tracing
from raymesh.platform.kube import Kube

LOOK = Asked(mode="look", namespace="team-a", addresses={}, tokens={}, ca=None, without=frozenset(), sampling=1.0)
FOUND = Found(namespace="istio-system", istio="1.28.1", revision="default", kubernetes="v1.31.0")


class Saying(Kube):
    """A cluster whose kubectl answers with these items, by the words that ask for them."""

    answers: dict[str, list[dict[str, Any]]]

    def kubectl(self, *words: str, **_: Any) -> Completed:
        key = " ".join(words[1:4]) if "-n" in words else words[1]
        if key not in self.answers:
            return Completed(1, "", "forbidden", 0.0)
        return Completed(0, json.dumps({"items": self.answers[key]}), "", 0.0)


def saying(**answers: list[dict[str, Any]]) -> Kube:
    kube = Saying(None, Path("kubectl"))
    object.__setattr__(kube, "answers", {key.replace("__", " "): value for key, value in answers.items()})
    return kube


def peers(root: str, own: str) -> Kube:
    kind = "peerauthentications.security.istio.io -n "
    made = {
        space: [{"spec": {"mtls": {"mode": mode}}}] if mode else []
        for space, mode in (("istio-system", root), ("team-a", own))
    }
    return saying(**{kind + space: docs for space, docs in made.items()})


@pytest.mark.parametrize(
    ("root", "own", "mode", "ok"),
    [
        ("", "", "PERMISSIVE", False),
        ("STRICT", "", "STRICT", True),
        ("", "STRICT", "STRICT", True),
        ("STRICT", "PERMISSIVE", "PERMISSIVE", False),
    ],
)
def test_the_namespaces_own_mode_goes_before_the_meshs(root: str, own: str, mode: str, ok: bool) -> None:
    check = mtls(peers(root, own), FOUND, LOOK)
    assert check.seen.startswith(mode)
    assert check.ok == ok


def test_istios_default_of_one_call_in_a_hundred_is_told_with_its_cure() -> None:
    check = tracing(saying(), FOUND, LOOK)
    assert not check.ok
    assert check.seen == "1 % of the calls (Istio's default), and 100 % are expected"
    assert "--sampling 1" in check.cure


def test_a_telemetry_goes_before_the_mesh_configuration() -> None:
    mesh = Found(namespace="istio-system", mesh={"defaultConfig": {"tracing": {"sampling": 5}}})
    said = [{"metadata": {"name": "all"}, "spec": {"tracing": [{"randomSamplingPercentage": 100}]}}]
    assert not tracing(saying(), mesh, LOOK).ok
    check = tracing(saying(**{"telemetries.telemetry.istio.io -n team-a": said}), mesh, LOOK)
    assert check.ok
    assert "Telemetry team-a/all" in check.seen


def test_versions_that_are_too_old_or_missing_fail() -> None:
    assert istio(FOUND).ok
    assert not istio(Found(istio="1.20.3")).ok
    assert not istio(Found(missing={"istio": "no pod"})).ok
    assert not kuberay(Found(missing={"kuberay": "no pod"})).ok
    assert not kuberay(Found(operator_pods=("a",), kuberay="1.0.0")).ok
    outside = kuberay(Found(operator_pods=("a",), kuberay="1.4.2"))
    assert outside.ok
    assert "without a sidecar" in outside.seen


@pytest.mark.parametrize(("memory", "ok"), [("16384Mi", True), ("2Gi", False), ("4194304Ki", True)])
def test_room_is_what_the_nodes_have(memory: str, ok: bool) -> None:
    assert room(saying(nodes=[{"status": {"allocatable": {"memory": memory}}}])).ok == ok


def test_nodes_that_may_not_be_read_keep_nobody_from_trying() -> None:
    assert room(saying()).ok


def test_what_fails_is_what_is_not_ok() -> None:
    good, bad = Check("a", True, ""), Check("b", False, "", "do c")
    assert failed([good, bad]) == (bad,)


@pytest.mark.parametrize(
    ("cni", "enforced", "ok", "told"),
    [
        (False, {}, True, "takes no istio-init"),
        (True, {"a": "restricted"}, True, "may enforce restricted"),
        (False, {"a": "restricted"}, False, "a enforces restricted"),
        (False, {"a": "baseline", "b": "restricted"}, False, "a enforces baseline, b enforces restricted"),
    ],
)
def test_a_namespace_that_takes_no_istio_init_is_told_before_it_is_made(
    cni: bool, enforced: dict[str, str], ok: bool, told: str
) -> None:
    check = security(Found(cni=cni), replace(LOOK, mode="prove", enforced=enforced))
    assert check.ok == ok
    assert told in check.seen
