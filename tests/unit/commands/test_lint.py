"""The command line: exit codes, formats, config, and what it refuses."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from raymesh.commands.main import main
from raymesh.lint.registry import all_rules
from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN, OLD_CLEAN, RED, UNMESHED
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
        (OLD_CLEAN, ["--fail-on", "note", "--ignore", "RM028=as in the guide, so far"], 0),
        (OLD_CLEAN, ["--fail-on", "note", "--ignore", "RM001,RM028"], 0),
        (OLD_CLEAN, ["--fail-on", "note", "--ignore", "RM001", "--ignore", "RM02"], 0),
        (OLD_CLEAN, ["--fail-on", "note", "--select", "RM001, RM002"], 0),
        (OLD_CLEAN, ["--fail-on", "note", "--select", "RM028"], 1),
        (OLD_CLEAN, ["--ignore", "RM9"], 2),
        (OLD_CLEAN, ["--select", "RM000"], 2),
        (RED["RM000"].text, [], 3),
        (RED["RM029"].text, [], 1),
        (RED["RM029"].text, ["--istio", "1.28", "--kubernetes", "1.33"], 0),
        (RED["RM013"].text.replace("node-ip-address", "node-name"), [], 0),
        (RED["RM013"].text.replace("node-ip-address", "node-name"), ["--mesh"], 1),
    ],
)
def test_exit_codes(folder: Path, text: str, options: list[str], code: int) -> None:
    assert main(["ports", "lint", write(folder, text), *options]) == code


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--ray", "Ray version 'x': a release such as 2.10.0"),
        ("--istio", "Istio version 'x': a release such as 1.27"),
        ("--kubernetes", "Kubernetes version 'x': a release such as 1.33"),
    ],
)
def test_a_version_that_is_none_is_told_by_its_program(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str, message: str
) -> None:
    assert main(["ports", "lint", write(folder, CLEAN), option, "x"]) == 2
    assert message in capsys.readouterr().err


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


def test_several_outputs_are_written_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM001"].text)
    forms = ("json", "sarif", "gitlab", "junit", "markdown", "github", "text")
    outputs = [word for form in forms for word in ("--output", f"{form}={form}.out")]
    assert main(["ports", "lint", path, *outputs]) == 1
    assert capsys.readouterr().out == (folder / "text.out").read_text()
    for form in forms:
        assert "RM001" in (folder / f"{form}.out").read_text(), form
    assert main(["ports", "lint", path, "--output", "pdf=x"]) == 2
    assert main(["ports", "lint", path, "--output", "json=-"]) == 2
    assert main(["ports", "lint", path, "--output", "json=no/such/folder"]) == 2


def test_what_is_shown_is_apart_from_what_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM002"].text)
    assert main(["ports", "lint", path, "--show", "error"]) == 1
    assert capsys.readouterr().out == "2 documents: nothing; 1 not shown\n"
    assert main(["ports", "lint", path, "--fail-on", "error"]) == 0
    assert "warning RM002" in capsys.readouterr().out


def test_quiet_leaves_the_findings_alone_and_then_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM001"].text)
    assert main(["ports", "lint", path, "-q"]) == 1
    assert [line[:4] for line in capsys.readouterr().out.splitlines()] == ["mine", "    "]
    assert main(["ports", "lint", path, "-qq"]) == 1
    assert capsys.readouterr().out == ""


def test_verbose_says_what_was_suppressed_and_by_which_configuration(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(
        folder,
        f"# raymesh: ignore RM001 because it is a test\n{RED['RM001'].text}".replace(
            "---\n", "---\n# raymesh: ignore RM001 because it is a test\n"
        ),
    )
    (folder / "raymesh.toml").write_text('ignore.RM045 = "a test"\n')
    assert main(["ports", "lint", path, "-v"]) == 0
    told = capsys.readouterr()
    assert "suppressed RM001 by comment: it is a test" in told.out
    assert "2 documents: clean; 1 suppressed" in told.out
    assert told.err == f"configuration: {folder / 'raymesh.toml'}\n"


def test_statistics_count_rules(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM009"].text.replace("    appProtocol: http\n", ""))
    main(["ports", "lint", path, "--statistics", "-q"])
    assert re.search(r"^ +\d  RM009  warning: appProtocol missing$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, False),
    ],
)
def test_colour_is_as_the_environment_says(
    folder: Path,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    main(["ports", "lint", write(folder, RED["RM001"].text)])
    assert ("\x1b[31merror RM001\x1b[0m" in capsys.readouterr().out) is coloured


def test_what_was_not_checked_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "lint", write(folder, UNMESHED)]) == 0
    assert "1 RayCluster, not in a mesh: mesh rules skipped; --mesh applies them" in capsys.readouterr().out
    assert main(["ports", "lint", write(folder, "kind: ConfigMap\n")]) == 0
    assert "warning: no RayCluster, RayJob, RayService or RayCronJob in 1 document" in capsys.readouterr().out
    assert main(["ports", "lint", "mine.yaml", "--format", "github"]) == 0
    told = capsys.readouterr()
    assert (told.out, "warning: no RayCluster" in told.err) == ("", True)
    assert main(["ports", "lint", write(folder, CLEAN)]) == 0
    assert capsys.readouterr().out == "2 documents: clean\n"


def test_nothing_read_is_not_clean(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty").mkdir()
    assert main(["ports", "lint", "empty"]) == 2
    assert "nothing was read" in capsys.readouterr().err
    (folder / "empty" / "mine.YAML").write_text(CLEAN)
    assert main(["ports", "lint", "empty"]) == 0


def test_a_file_that_holds_nothing_of_ours_does_not_fail_a_run(folder: Path) -> None:
    (folder / "tsconfig.json").write_text("{\n// a comment: [\n}")
    (folder / "latin.yaml").write_bytes(b"name: \xff\n")
    write(folder, CLEAN)
    assert main(["ports", "lint", "."]) == 0
    assert main(["ports", "lint", "tsconfig.json"]) == 3, "it was asked for"
    (folder / "latin.yaml").write_bytes(b"kind: RayCluster\nname: \xff\n")
    assert main(["ports", "lint", "."]) == 3


def test_folders_of_others_and_excluded_files_are_left_out(folder: Path) -> None:
    for name in ("vendor", "node_modules", ".git", "charts", "mine"):
        (folder / name).mkdir()
        (folder / name / "ray.yaml").write_text(RED["RM000"].text if name != "mine" else CLEAN)
    assert main(["ports", "lint", "--exclude", "charts"]) == 0
    assert main(["ports", "lint"]) == 3
    (folder / "raymesh.toml").write_text('exclude = ["charts/**"]\n')
    assert main(["ports", "lint", str(folder)]) == 0
    assert main(["ports", "lint", "charts/ray.yaml"]) == 3, "it was asked for"


def test_paths_are_relative_where_they_can_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM001"].text)
    main(["ports", "lint", str(folder / path)])
    assert capsys.readouterr().out.startswith("mine.yaml:")


def test_each_project_is_linted_by_its_own_configuration(folder: Path) -> None:
    for team in ("one", "two"):
        (folder / team).mkdir()
        (folder / team / "ray.yaml").write_text(OLD_CLEAN)
    (folder / "one" / "raymesh.toml").write_text('severity.RM028 = "error"\n')
    assert main(["ports", "lint", "two"]) == 0
    assert main(["ports", "lint", "one"]) == 1
    assert main(["ports", "lint", "."]) == 1


def test_the_configuration_names_what_is_linted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "deploy" / "docs").mkdir(parents=True)
    (folder / "other").mkdir()
    (folder / "raymesh.toml").write_text('paths = ["deploy"]\n')
    (folder / "deploy" / "ray.yaml").write_text(CLEAN)
    (folder / "other" / "ray.yaml").write_text(RED["RM000"].text)
    assert main(["ports", "lint"]) == 0
    monkeypatch.chdir(folder / "deploy" / "docs")
    assert main(["ports", "lint"]) == 0


def test_a_baseline_is_written_and_then_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, RED["RM001"].text)
    assert main(["ports", "lint", path, "--baseline", "known.json"]) == 2
    assert "--write-baseline known.json makes it" in capsys.readouterr().err
    assert main(["ports", "lint", path, "--write-baseline", "known.json"]) == 0
    assert main(["ports", "lint", path, "--baseline", "known.json"]) == 0
    (folder / "raymesh.toml").write_text('baseline = "known.json"\n')
    assert main(["ports", "lint", path]) == 0
    write(folder, CLEAN)
    capsys.readouterr()
    assert main(["ports", "lint", path]) == 0
    assert "1 finding of the baseline gone" in capsys.readouterr().out
    write(folder, RED["RM008"].text)
    assert main(["ports", "lint", path]) == 1


def test_standard_input_has_a_name_and_templates_theirs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service, cluster = RED["RM001"].text.split("---\n")
    text = f"---\n# Source: mine/templates/service.yaml\n{service}---\n# Source: mine/templates/ray.yaml\n{cluster}"
    for words, expected in (
        (["-"], "(from mine/templates/ray.yaml)"),
        (["-", "--stdin-name", "rendered.yaml"], "rendered.yaml:"),
        (["-", "--format", "github"], "::error file=mine/templates/ray.yaml,line=1,"),
        (["-", "--format", "json"], '"origin": "mine/templates/ray.yaml"'),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert main(["ports", "lint", *words]) == 1
        assert expected in capsys.readouterr().out


def test_what_is_fixed_is_counted_and_can_be_shown_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = RED["RM001"].text.replace("name: node-manager-port", "name: Node_Manager").replace("  clusterIP: None\n", "")
    path = write(folder, text)
    assert main(["ports", "lint", path, "--diff", "--fix"]) == 2
    assert main(["ports", "lint", path, "--diff"]) == 1
    shown = capsys.readouterr().out
    assert "+  clusterIP: None" in shown
    assert (folder / path).read_text() == text
    main(["ports", "lint", path, "--fix"])
    assert "2 documents: fixed 2 of 2; clean" in capsys.readouterr().out
    assert (folder / path).read_text() != text


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
