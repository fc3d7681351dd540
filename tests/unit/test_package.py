"""What is published: a wheel that is raymesh alone and needs PyYAML alone, and an sdist; the same bytes every time."""

from __future__ import annotations

import ast
import email.message
import email.parser
import importlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from raymesh import __version__
from raymesh.lint.catalog import url
from raymesh.lint.registry import all_rules
from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOT_SOURCES = (".git", ".venv*", ".tox", "artifacts", "__pycache__", ".*_cache", ".hypothesis", "build", "dist")
# Import name -> name on the index, where they differ.
NAMES = {"yaml": "pyyaml", "pytest_kind": "pytest-kind", "detect_secrets": "detect-secrets"}


@pytest.fixture(scope="module")
def dists(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two builds, of two checkouts that were made at other times."""
    made = []
    for age in (0, 1_000_000):
        tree, dist = (tmp_path_factory.mktemp(name) / name for name in ("tree", "dist"))
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_SOURCES, "*.egg-info"), symlinks=True)
        for path in tree.rglob("*"):
            os.utime(path, (1_700_000_000 - age,) * 2, follow_symlinks=False)
        environ = os.environ | {"SOURCE_DATE_EPOCH": "1750000000"}
        subprocess.run(
            [sys.executable, tree / ".ci" / "package.py", dist], env=environ, check=True, capture_output=True
        )
        made.append(dist)
    return made


@pytest.fixture(scope="module")
def wheel(dists: list[Path]) -> Path:
    (found,) = dists[0].glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"raymesh-{__version__}.dist-info/METADATA").decode()
    return email.parser.Parser().parsestr(text)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a base install has: the wheel and PyYAML."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for name in ("yaml", "_yaml"):
        found = Path(yaml.__file__).parent.with_name(name)
        if found.exists():
            (folder / name).symlink_to(found)
    return folder


def raymesh(installed: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command in an interpreter that sees nothing but `installed`."""
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); from raymesh.commands.main import main; sys.exit(main())"
    )
    command = [sys.executable, "-I", "-S", "-c", code, *words]
    return subprocess.run(command, input=stdin, cwd=installed, capture_output=True, text=True, check=False)


def test_the_same_commit_gives_the_same_bytes(dists: list[Path]) -> None:
    first, second = ({path.name: path.read_bytes() for path in dist.iterdir()} for dist in dists)
    assert {name.rpartition(".")[2] for name in first} == {"gz", "whl"}
    assert first == second


def test_an_index_would_take_it(dists: list[Path]) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, dists[0].iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_wheel_installs_raymesh_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {"raymesh", f"raymesh-{__version__}.dist-info"}
    for data in ("py.typed", "lint/raymesh.schema.json", "lint/pages/RM001.md", "audit/measured/2.60.0.json"):
        assert f"raymesh/{data}" in names


def test_the_sdist_has_the_suite_and_what_it_stands_on(dists: list[Path]) -> None:
    (found,) = dists[0].glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in (
        "conftest.py",
        "fixtures/run.py",
        "manifests/lanes.yaml",
        "tests/unit/test_package.py",
        "CHANGELOG.md",
    ):
        assert path in names
    assert not [name for name in names if name.endswith(".pyc") or "/." in name.removeprefix(".ci/")]


def test_the_suite_is_had_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    """An environment with the wheel and what its extra e2e brings; the tests are those of the package."""
    site = tmp_path / "env" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "others.pth").write_text(f"{Path(yaml.__file__).parents[1]}\n")  # behind the wheel, and without its .pth
    (tmp_path / "fixtures.py").write_text("raise AssertionError('of the folder that somebody stands in')")
    command = [str(tmp_path / "env" / "bin" / "python"), "-P", "-m", "raymesh", "prove"]
    collected = ""
    for subject in ("", "rayjob.yaml", "rayservice.yaml"):  # some tests are of one kind of subject alone
        chosen = ["--subject", str(ROOT / "manifests" / "subjects" / subject)] if subject else []
        words = [*command, *chosen, "--", "--collect-only", "-v"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        collected += done.stdout
    assert f"rootdir: {site / 'raymesh' / 'suite'}" in collected
    for path in (ROOT / "tests" / "e2e").glob("test_*.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE):
            assert f"Function {name}" in collected
    assert not (tmp_path / "artifacts").exists(), "nothing was run"
    wrong = (["--set", "kuberay=9.9.9"], ["--set", "ray=9.9.9"])
    for first, second in (wrong, wrong[::-1]):  # both are handed on: it is the first that is refused
        done = subprocess.run([*command, *first, *second], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"{first[1]}: nothing here makes it; the nearest version that can be had is" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--version",), f"raymesh {__version__}"),
        (("ports", "lint", "-"), "2 documents: clean"),
        (("ports", "generate", "--ray", "2.60.0"), "kind: RayCluster"),
        (("ports", "diff", "2.10.0", "2.60.0"), "--dashboard-grpc-port"),
        (("rule", "RM005"), "# RM005: worker range too wide"),
    ],
)
def test_a_base_install_is_enough(installed: Path, words: tuple[str, ...], said: str) -> None:
    done = raymesh(installed, *words, stdin=CLEAN)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_what_needs_more_says_which_extra(installed: Path) -> None:
    done = raymesh(installed, "ports", "audit", "--ray", "2.60.0")
    assert done.returncode == 4
    assert "pip install 'raymesh[audit]'" in done.stderr


def test_an_extra_is_enough_for_its_command(installed: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(installed, site, symlinks=True)
    for name in ("psutil", "tenacity"):
        (site / name).symlink_to(Path(importlib.import_module(name).__file__ or "").parent)
    done = raymesh(site, "ports", "audit", "--help")
    assert (done.returncode, "usage: raymesh ports audit" in done.stdout) == (0, True), done.stderr


def test_an_index_shows_who_it_is_for(metadata: email.message.Message) -> None:
    for field in ("Summary", "Keywords", "Author", "License-Expression", "Requires-Python", "Description-Content-Type"):
        assert metadata[field], field
    pythons = {c.rpartition(" ")[2] for c in metadata.get_all("Classifier", []) if re.search(r":: 3\.\d+$", c)}
    assert pythons == {"3.11", "3.12", "3.13", "3.14"}


def test_no_address_is_claimed_that_is_nobodys(metadata: email.message.Message, wheel: Path) -> None:
    """What leads somewhere is in the wheel itself: a page for every rule, by its package URL."""
    assert metadata.get_all("Project-URL", []) == []
    assert "://" not in str(metadata.get_payload())
    assert "](" not in str(metadata.get_payload()), "an index shows no file that lies beside README"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for rule in all_rules():
        assert url(rule).partition("#")[2] in names


def test_entry_points_are_there(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"raymesh-{__version__}.dist-info/entry_points.txt").decode()
    assert "[console_scripts]\nraymesh = raymesh.commands.main:main\n" in text
    assert "[pytest11]\nraymesh.pytest_plugin = raymesh.pytest_plugin\n" in text


def imports() -> set[str]:
    """What the package imports from elsewhere; programs that run in a pod have what is there."""
    found: set[str] = set()
    for path in (ROOT / "raymesh").rglob("*.py"):
        if path.parent.name == "inside":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.append(node.module)
            found |= {name.partition(".")[0] for name in names}
    return found - set(sys.stdlib_module_names) - {"raymesh"}


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    declared = [*PROJECT["dependencies"], *(d for extra in PROJECT["optional-dependencies"].values() for d in extra)]
    names = {re.split(r"[\s<>=!~\[;]", one)[0].lower() for one in declared}
    loaded_by_pytest = {"pytest-timeout"}
    run_inside = {"ray"}  # raymesh/inside runs where the lane's own Ray is; who drives a cluster by hand wants it too
    assert {NAMES.get(name, name) for name in imports()} == names - loaded_by_pytest - run_inside, (
        "an extra of pyproject.toml"
    )
    assert [one for one in declared if not re.search(r">=\d", one)] == [], "each has a lower bound"


def test_the_changelog_follows_its_rule() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [
        re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)", one) for one in headings if one != "Unreleased"
    ]
    assert all(released), "VERSION (DATE)"
    assert headings[0] == "Unreleased" or headings[0].startswith(f"{__version__} ")
