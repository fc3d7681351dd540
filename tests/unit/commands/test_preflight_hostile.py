"""`raymesh preflight` on clusters that will not do: each lack is a line with its cure, and the exit code says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from raymesh.commands.exits import CLEAN, FAULT, FOUND, USAGE
from raymesh.commands.main import main
from raymesh.paths import ROOT
from tests.unit.api.server import CONTEXT, Answer, Api
from tests.unit.mesh.test_reached import serving as serving_witness
from tests.unit.platform.test_rights_used import doc, mesh

ANSWERS = {
    "/kiali/api/status": (200, "{}"),
    "/api/services": (200, "{}"),
    "/api/v1/status/buildinfo": (200, "{}"),
}
ALL_TRACED = doc("telemetry.istio.io/v1", "Telemetry", "all", spec={"tracing": [{"randomSamplingPercentage": 100}]})
STRICT = doc("security.istio.io/v1", "PeerAuthentication", "all", spec={"mtls": {"mode": "STRICT"}})
PERMISSIVE = doc("security.istio.io/v1", "PeerAuthentication", "all", spec={"mtls": {"mode": "PERMISSIVE"}})
RUNNING = ("--running", "team/mine")


def preflight(*words: str, answers: dict[str, tuple[int, str]] | None = None, context: str = CONTEXT) -> int:
    """Ask whether what runs can be looked at; the witnesses answer at addresses that are given."""
    with serving_witness(answers or ANSWERS) as url:
        where = ("--kiali", f"{url}/kiali", "--jaeger", url, "--prometheus", url)
        return main(["preflight", "--context", context, *where, *words])


def without(api: Api, plural: str, name: str) -> None:
    for key in [key for key in api.objects if (key[1], key[3]) == (plural, name)]:
        del api.objects[key]


def test_a_cluster_that_will_do_says_so(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.put(*mesh("team", "mine"), ALL_TRACED, STRICT)
    assert preflight(*RUNNING) == CLEAN
    told = capsys.readouterr().out
    assert "FAILED" not in told
    assert told.endswith("it can be proven here\n")


# What is done to that cluster, what is asked, and the lines that have to be there.
LACKS: dict[str, tuple[Any, tuple[str, ...], str, str]] = {
    "plaintext is let in": (
        lambda api: api.put(PERMISSIVE), RUNNING, "FAILED  mTLS: PERMISSIVE", "cure: a PeerAuthentication with STRICT",
    ),
    "one call in a hundred is traced": (
        lambda api: without(api, "telemetries", "all"), RUNNING, "FAILED  tracing: 1 % of the calls",
        "or say --sampling 1",
    ),
    "no Istio": (
        lambda api: without(api, "pods", "istiod"), RUNNING, "FAILED  Istio: no pod with the label app=istiod",
        "cure: install Istio with sidecars",
    ),
    "no right to exec": (
        lambda api: api.denied.add("create pods/exec"), RUNNING, "FAILED  rights: create pods/exec in team",
        "cure: kubectl apply -f manifests/rbac/look.yaml",
    ),
    "Telemetry may not be read": (
        lambda api: api.refused.update({"list peerauthentications": Answer(403, "is forbidden: User x", "Forbidden")}),
        RUNNING, "FAILED  mTLS: ", "cure: ",
    ),
    "nothing runs there": (
        lambda api: without(api, "pods", "head"), RUNNING, "FAILED  sidecars: 0 Ray pods in team",
        "cure: label the namespace for injection",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("do", "words", "line", "cure"), LACKS.values(), ids=LACKS)
def test_what_is_lacking_is_a_line_with_its_cure(
    do: Any, words: tuple[str, ...], line: str, cure: str, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.put(*mesh("team", "mine"), ALL_TRACED, STRICT)
    do(api)
    assert preflight(*words) == FOUND
    told = capsys.readouterr().out
    assert line in told
    assert cure in told


def test_a_kiali_behind_a_login_is_a_line_with_its_cure(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.put(*mesh("team", "mine"), ALL_TRACED, STRICT)
    assert preflight(*RUNNING, answers={**ANSWERS, "/kiali/api/status": (401, "log in")}) == FOUND
    told = capsys.readouterr().out
    assert "FAILED  kiali: " in told
    assert "--kiali-token FILE" in told


def test_manifests_whose_namespace_takes_no_sidecar_are_told(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.put(*mesh("team", "mine"), ALL_TRACED, STRICT)
    docs = list(yaml.safe_load_all((ROOT / "manifests" / "subjects" / "three-groups.yaml").read_text()))
    docs[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump_all(docs))
    assert preflight("--subject", str(path), "--sampling", "1") == FOUND
    told = capsys.readouterr().out
    assert "FAILED  pod security: " in told
    assert "team-three enforces restricted" in told
    assert "cure: install Istio's CNI plugin" in told


def test_a_wrong_context_and_a_server_that_refuses_everybody_are_no_findings(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    assert preflight(*RUNNING, context="prod") == USAGE
    assert "--context prod: " in capsys.readouterr().err
    api.refused["*"] = Answer(401, "Unauthorized", "Unauthorized")
    assert preflight(*RUNNING) == FAULT
    assert "cure: log in again" in capsys.readouterr().err
