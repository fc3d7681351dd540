"""The plugin, as pytest loads it in somebody's project: the linter with its configuration, one item a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN, OLD_CLEAN, RED


def run_pytest(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Pytest in a folder that knows nothing of this checkout but where the package is."""
    (folder / "test_own.py").write_text("def test_own(): pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "raymesh.pytest_plugin", "-p", "no:cacheprovider", "-q", *words]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "--strict-markers"}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_every_manifest_is_an_item_and_red_where_the_linter_is(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(CLEAN)
    (tmp_path / "bad.yaml").write_text(RED["RM001"].text.replace("mine", "yours"))
    done = run_pytest(tmp_path, "--manifests=.")
    assert done.returncode == 1
    assert "1 failed, 2 passed" in done.stdout
    assert "bad.yaml:73:26: error RM001: node-manager-port 6380 is opened" in done.stdout
    assert "    fix: declare 6380 with appProtocol grpc (--fix does it)" in done.stdout
    assert "see: raymesh explain RM001" in done.stdout


def test_the_marker_chooses_manifests(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(CLEAN)
    assert "1 passed, 1 deselected" in run_pytest(tmp_path, "--manifests=.", "-m", "ports").stdout
    assert "1 passed, 1 deselected" in run_pytest(tmp_path, "--manifests=.", "-m", "not ports").stdout


@pytest.mark.parametrize(
    ("config", "text", "code"),
    [
        ("", OLD_CLEAN, 0),
        ('fail-on = "note"', OLD_CLEAN, 1),
        ('ignore.RM028 = "as in the guide"\nfail-on = "note"', OLD_CLEAN, 0),
        ("", RED["RM001"].text, 1),
        ("", RED["RM001"].text.replace("---\n", "---\n# raymesh: ignore RM001 because it is so\n"), 0),
        ('[[per-path]]\npaths = ["*"]\nignore.RM001 = "later"', RED["RM001"].text, 0),
        ('severity.RM001 = "note"', RED["RM001"].text, 0),
    ],
)
def test_configuration_and_suppressions_hold(tmp_path: Path, config: str, text: str, code: int) -> None:
    (tmp_path / "raymesh.toml").write_text(config)
    (tmp_path / "mine.yaml").write_text(text)
    assert run_pytest(tmp_path, "--manifests=mine.yaml", "-m", "ports").returncode == code


def test_a_folder_elsewhere_that_pytest_takes_for_tests_is_given_with_an_equals_sign(tmp_path: Path) -> None:
    def e2e(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "raymesh.pytest_plugin", "-m", "e2e", "--collect-only", *words]
        environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    said = e2e("--subject", str(tmp_path))
    assert said.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"an equals sign: --subject={tmp_path}\n" in said.stderr
    subject = ROOT / "manifests" / "subjects" / "rayjob.yaml"
    (tmp_path / "mine.yaml").write_text(subject.read_text())
    done = e2e(f"--subject={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_wrong_with_the_call_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, message in (
        ("--manifests=nowhere", "nowhere: no such file or folder"),
        ("--manifests=empty", "empty: no manifest in it"),
    ):
        done = run_pytest(tmp_path, words)
        assert done.returncode == 4
        assert message in done.stderr
    (tmp_path / "raymesh.toml").write_text("istio = 1.30")
    (tmp_path / "mine.yaml").write_text(CLEAN)
    assert "istio: 1.3 is not text in quotes" in run_pytest(tmp_path, "--manifests=mine.yaml").stderr


def test_without_the_option_nothing_of_the_linter_is_imported(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print([m for m in sys.modules if m.startswith(('raymesh.lint', 'yaml'))])\n"
    )
    done = run_pytest(tmp_path, "-s")
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--manifests=PATH" in run_pytest(tmp_path, "--help").stdout
