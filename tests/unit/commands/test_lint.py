"""The command line: exit codes, formats, config, and what it refuses."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from raymesh.commands.main import main
from raymesh.lint.registry import all_rules
from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN, OLD_CLEAN, RED
from tests.unit.ports.test_contract import GUIDE, GUIDE_PARAMS

ADDRESS = r"$(hostname -I | tr -d ' ' | sed 's/\./-/g').raycluster-istio-headless-svc.default.svc.cluster.local"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> str:
    (folder / "mine.yaml").write_text(text)
    return "mine.yaml"


def test_generating_with_the_guide_s_inputs_gives_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "generate", "--ray", "2.10.0", "--name", "raycluster-istio", "--as-guide"]) == 0
    service, cluster = yaml.safe_load_all(capsys.readouterr().out)
    assert [(p["name"], p["port"], p["appProtocol"]) for p in service["spec"].pop("ports")] == GUIDE
    assert service["metadata"] == {
        "labels": {"ray.io/headless-worker-svc": "raycluster-istio"},
        "name": "raycluster-istio-headless-svc",
        "namespace": "default",
    }
    assert service["spec"] == {
        "clusterIP": "None",
        "selector": {"ray.io/cluster": "raycluster-istio"},
        "publishNotReadyAddresses": True,
    }
    for group in (cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]):
        assert "metadata" not in group["template"]
        assert group["rayStartParams"] == {"num-cpus": "1", **GUIDE_PARAMS, "node-ip-address": ADDRESS}
        assert group["template"]["spec"]["containers"][0]["image"] == "rayproject/ray:2.10.0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ray", "2.20.0"], "2.11.0 to 2.37.0"),
        (["--cpus", "10", "--worker-ports", "11"], "11 worker ports for 10 CPUs: a node needs at least 12"),
        (["--worker-ports", "10002-10300"], "299 worker ports: every sidecar"),
        (["--worker-ports", "10002-19999"], "a Service with 10006 ports: kubectl apply refuses it"),
        (["--worker-ports", "ten"], "a count such as 11"),
        (["--port", "dashboard-grpc-port=6384", "--ray", "2.60.0"], "has no port 'dashboard-grpc-port'"),
        (["--port", "node-manager-port"], "NAME=VALUE"),
        (["--port", "node-manager-port=x"], "a number"),
        (["--port", "node-manager-port=6381"], "6381 is both"),
        (["--protocol", "worker-ports=quic"], "one of grpc, http, tcp"),
        (["--name", "No_Name"], "lower-case letters"),
        (["--write"], "--write goes with --merge"),
        (["--merge", "nowhere.yaml"], "can't be read"),
    ],
)
def test_generating_refuses_with_the_reason(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ports", "generate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_newer_ray_is_said_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "generate", "--ray", "2.99.0"]) == 0
    assert "newer than 2.60.0" in capsys.readouterr().err


def test_merging_prints_or_writes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, OLD_CLEAN.partition("---\n")[2])
    arguments = ["ports", "generate", "--merge", path, "--port", "dashboard-grpc-port=6384"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert main([*arguments, "--write"]) == 0
    assert (folder / path).read_text() == printed
    assert main(["ports", "lint", path, "--fail-on", "note"]) == 0


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (CLEAN, [], 0),
        (RED["RM001"].text, [], 1),
        (RED["RM002"].text, [], 1),
        (RED["RM002"].text, ["--fail-on", "error"], 0),
        (OLD_CLEAN, [], 0),
        (OLD_CLEAN, ["--fail-on", "note"], 1),
        (OLD_CLEAN, ["--fail-on", "note", "--disable", "RM028=as in the guide"], 0),
        (RED["RM000"].text, [], 2),
        (RED["RM029"].text, [], 1),
        (RED["RM029"].text, ["--istio", "1.28", "--kubernetes", "1.33"], 0),
        (RED["RM013"].text.replace("node-ip-address", "node-name"), [], 0),
        (RED["RM013"].text.replace("node-ip-address", "node-name"), ["--mesh"], 1),
    ],
)
def test_exit_codes(folder: Path, text: str, options: list[str], code: int) -> None:
    assert main(["ports", "lint", write(folder, text), *options]) == code


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RED["RM001"].text.encode())))
    assert main(["ports", "lint", "-"]) == 1
    assert capsys.readouterr().out.startswith("-:")
    assert main(["ports", "lint", "-", "--fix"]) == 2


def test_fixing_writes_the_file_and_says_what_is_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM001"].text)
    assert main(["ports", "lint", "--fix", path, "nowhere"]) == 2
    assert "no such file" in capsys.readouterr().out
    assert main(["ports", "lint", path]) == 0
    untouched = (folder / path).read_text()
    assert main(["ports", "lint", path, "--fix"]) == 0
    assert (folder / path).read_text() == untouched


def test_formats_hold_every_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM001"].text)
    outputs = {}
    for form in ("text", "json", "sarif", "github"):
        main(["ports", "lint", path, "--format", form])
        outputs[form] = capsys.readouterr().out
    told = json.loads(outputs["json"])
    (finding,) = told["findings"]
    assert (told["documents"], finding["rule"], finding["path"], finding["fixable"]) == (2, "RM001", path, True)
    assert outputs["text"].startswith(f"{path}:{finding['line']}:{finding['column']}: error RM001: ")
    (run,) = json.loads(outputs["sarif"])["runs"]
    assert [r["id"] for r in run["tool"]["driver"]["rules"]] == ["RM000", *all_rules()]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert (run["results"][0]["level"], region["startLine"]) == ("error", finding["line"])
    assert outputs["github"].startswith(f"::error file={path},line={finding['line']},col={finding['column']},")


def test_a_project_switches_rules_off_with_a_reason(folder: Path) -> None:
    path = write(folder, OLD_CLEAN)
    (folder / "pyproject.toml").write_text(
        '[tool.raymesh.lint]\nfail-on = "note"\ndisable.RM028 = "the port of the guide"\n'
    )
    assert main(["ports", "lint", path]) == 0
    (folder / "own.toml").write_text('fail-on = "note"\n')
    assert main(["ports", "lint", path, "--config", "own.toml"]) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("disable.RM028 = ''", "disable.RM028 needs a reason"),
        ("disable.RM999 = 'x'", "no such rule"),
        ("disable = ['RM028']", "a table of reasons"),
        ("fail-onn = 'x'", "unknown key 'fail-onn'"),
        ("fail-on = 'x'", "one of note, warning, error"),
        ("ray = 'x'", "a release such as"),
        ("widest-worker-range = 'x'", "a whole number"),
        ("= broken", "not TOML"),
    ],
)
def test_a_config_that_is_wrong_is_refused(
    folder: Path, config: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.toml").write_text(config)
    assert main(["ports", "lint", write(folder, CLEAN), "--config", "own.toml"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", ["RM028", "RM028=", "RM999=x"])
def test_a_rule_is_not_disabled_without_a_reason(folder: Path, text: str) -> None:
    assert main(["ports", "lint", write(folder, CLEAN), "--disable", text]) == 2


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["ports", "--help"], ["ports", "lint", "--help"], ["ports", "generate", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "examples:\n  raymesh ports " in capsys.readouterr().out


def test_linting_imports_neither_ray_nor_a_cluster_s_client() -> None:
    """Start-up stays short because nothing heavy is imported."""
    code = (
        "import sys; from raymesh.commands.main import main; main(['ports', 'lint', 'pyproject.toml']); "
        "print([m for m in ('ray', 'kubernetes', 'requests', 'ruamel', 'raymesh.audit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_manifests_become_test_items(folder: Path) -> None:
    """`pytest -m ports --manifests=PATH`: one item a file, red where the linter is."""
    (folder / "good.yaml").write_text(CLEAN)
    (folder / "bad.yaml").write_text(RED["RM001"].text.replace("mine", "yours"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "ports",
        f"--manifests={folder}",
        "tests/unit/ports/test_contract.py",
    ]
    done = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "error RM001: node-manager-port 6380 is opened" in done.stdout
