"""Imports go one way, and what may stand in one place only stands there: read from the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from raymesh.lane import LANES_FILE, Lane
from raymesh.paths import ROOT

FOLDERS = ("raymesh", "fixtures", "tests")
SOURCES = sorted(p.relative_to(ROOT) for name in FOLDERS for p in (ROOT / name).rglob("*.py"))
SOURCES.append(Path("conftest.py"))
DOES_IO = {"subprocess", "socket", "requests", "urllib", "http", "kubernetes", "os", "shutil", "pathlib", "time"} | {
    f"raymesh.{name}" for name in ("machine", "platform", "waiting", "witness.http")
}
# Who may not know whom inside raymesh: the name and all below it. Arrows run one way:
# commands, proof, faults -> mesh, witness, verdicts -> platform -> images, machine -> the ground.
TOP = ("raymesh.commands", "raymesh.proof", "raymesh.faults", "raymesh.evidence")
MIDDLE = ("raymesh.mesh", "raymesh.witness", "raymesh.verdicts", "raymesh.traffic")
LOW = ("raymesh.platform", "raymesh.images", "raymesh.machine")
UPWARD = {
    "raymesh.errors": ("raymesh",),
    "raymesh.frozen": ("raymesh",),
    "raymesh.paths": ("raymesh",),
    "raymesh.waiting": (*TOP, *MIDDLE, *LOW),
    "raymesh.progress": (*TOP, *MIDDLE, *LOW),
    "raymesh.ports": (*TOP, *MIDDLE, *LOW, "raymesh.manifests"),
    "raymesh.manifests": (*TOP, *MIDDLE, *LOW, "raymesh.lint"),
    "raymesh.lint": (*TOP, *MIDDLE, *LOW, "raymesh.audit"),
    "raymesh.generate": (*TOP, *MIDDLE, *LOW, "raymesh.audit"),
    "raymesh.machine": (*TOP, *MIDDLE, "raymesh.platform", "raymesh.images"),
    "raymesh.images": (*TOP, *MIDDLE, "raymesh.platform"),
    "raymesh.platform": (*TOP, *MIDDLE),
    "raymesh.witness": (*TOP, "raymesh.platform.kind", "raymesh.machine"),
    "raymesh.verdicts": (*TOP, "raymesh.mesh", *LOW),
    "raymesh.mesh": (*TOP, "raymesh.verdicts", "raymesh.platform.kind", "raymesh.machine.engine", "raymesh.images"),
    "raymesh.evidence": ("raymesh.mesh", *LOW),
    "raymesh.faults": ("raymesh.commands",),
    "raymesh.proof": ("raymesh.commands", "raymesh.faults"),
}


def imports(path: Path) -> set[str]:
    """Return every module that a source imports; for `from a import b` both a and a.b, as b may be a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def knows(path: Path, *modules: str) -> set[str]:
    return {name for name in imports(path) for m in modules if name == m or name.startswith(f"{m}.")}


def below(folder: str) -> list[Path]:
    return [path for path in SOURCES if path.parts[0] == folder]


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def test_the_reader_of_imports_sees_them() -> None:
    assert {"ast", "raymesh.paths", "raymesh.paths.ROOT"} <= imports(Path("tests/unit/test_arrows.py"))
    assert knows(Path("fixtures/platform.py"), "raymesh.platform.kind") == {"raymesh.platform.kind"}


@pytest.mark.parametrize("path", below("raymesh"), ids=str)
def test_the_library_knows_neither_tests_nor_pytest(path: Path) -> None:
    own = {
        Path("raymesh/platform/creating.py"): {"pytest_kind.cluster", "pytest_kind.cluster.KindCluster"},
        Path("raymesh/pytest_plugin.py"): {"pytest"},  # pytest loads it
    }
    allowed = own.get(path, set())
    assert knows(path, "tests", "fixtures", "conftest", "pytest", "_pytest", "pytest_kind") == allowed


@pytest.mark.parametrize("path", below("fixtures"), ids=str)
def test_fixtures_do_not_know_tests(path: Path) -> None:
    assert not knows(path, "tests", "conftest")


@pytest.mark.parametrize("path", [p for p in below("tests") if p.parts[1] == "unit"], ids=str)
def test_unit_tests_do_not_use_the_clusters_fixtures(path: Path) -> None:
    assert not knows(path, "fixtures.platform", "fixtures.mesh", "fixtures.raycluster", "fixtures.witnesses")


@pytest.mark.parametrize("path", [p for p in below("raymesh") if p.parts[1] == "verdicts"], ids=str)
def test_verdicts_do_no_io(path: Path) -> None:
    assert not knows(path, *DOES_IO)


@pytest.mark.parametrize("path", below("raymesh"), ids=str)
def test_nothing_inside_the_library_looks_up(path: Path) -> None:
    own = module_of(path)
    for layer, above in UPWARD.items():
        if own == layer or own.startswith(f"{layer}."):
            assert not knows(path, *above) - {own}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_only_waiting_sleeps(path: Path) -> None:
    assert ("time.sleep" in dotted(path)) == (path == Path("raymesh/waiting.py"))
    assert "time.sleep" not in imports(path)


def dotted(path: Path) -> set[str]:
    found = ast.walk(ast.parse((ROOT / path).read_text()))
    return {f"{n.value.id}.{n.attr}" for n in found if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}


def versions() -> set[str]:
    """Every version of every lane that nothing else could be: Ray's are the contract's, Python's is a number."""
    names = {f.name for f in fields(Lane)} - {"name", "digests", "build", "replaced", "ray", "python"}
    rows = yaml.safe_load(LANES_FILE.read_text())["lanes"].values()
    written = [*rows, *(row.get("build", {}) for row in rows)]
    return {str(row[name]) for row in written for name in row.keys() & names}


def strings(path: Path) -> Iterator[str]:
    """Yield the string constants of a source, without docstrings."""
    tree = ast.parse((ROOT / path).read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[0] != "tests"], ids=str)
def test_versions_stand_in_lanes_yaml_alone(path: Path) -> None:
    pattern = re.compile("|".join(rf"(?<![\d.]){re.escape(version)}(?![\d.]*\d)" for version in versions()))
    assert not [text for text in strings(path) if pattern.search(text)]
