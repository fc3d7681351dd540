"""--timeout-factor: one factor scales every deadline, where time is kept."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from raymesh import deadlines
from raymesh.errors import CommandError, WaitTimeout
from raymesh.machine.programs import run
from raymesh.paths import ROOT
from raymesh.waiting import wait_for

# Calls that wait for something outside the process.
WAITS = {"communicate", "select", "request", "get", "urlopen", "result"}
TIMED = {"timeout", "_request_timeout"}
OUTSIDE = ("raymesh/inside/",)  # what runs in a pod is told its seconds


@pytest.fixture(autouse=True)
def tenth() -> Iterator[None]:
    """A tenth of each deadline, and all of it again afterwards."""
    deadlines.scale_by(0.1)
    yield
    deadlines.scale_by(1)


def test_a_program_has_the_scaled_time() -> None:
    with pytest.raises(CommandError, match=r"no end after 0\.1 s"):
        run(["sleep", "60"], timeout=1)


def test_a_poll_has_the_scaled_time() -> None:
    with pytest.raises(WaitTimeout, match=r"not reached in 0\.1 s"):
        wait_for("never", lambda: False, until=bool, within=1, every=0.01)


def test_the_classes_themselves_are_seconds() -> None:
    assert deadlines.scaled(deadlines.READY) == deadlines.READY / 10


def timed_calls(tree: ast.AST) -> list[ast.keyword]:
    """Return the deadlines that are given to something that waits by itself."""
    return [
        word
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WAITS
        for word in node.keywords
        if word.arg in TIMED
    ]


def is_scaled(value: ast.expr, tree: ast.AST) -> bool:
    """Tell whether a deadline comes from `scaled`: by itself, by a name, or by a function of the file that does it."""
    text = ast.unparse(value)
    if "scaled(" in text:
        return True
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            told = {node.name}
        elif isinstance(node, ast.Assign):
            told = {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        else:
            continue
        if told & names and "scaled(" in ast.unparse(node):
            return True
    return "SLICE_SECONDS" in names  # a slice of a deadline that is kept beside it


def test_whoever_keeps_time_scales_it() -> None:
    """No deadline reaches a socket, a process or a future but through `scaled`: each by itself."""
    kept = []
    for path in sorted((ROOT / "raymesh").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        tree = ast.parse(path.read_text())
        if not name.startswith(OUTSIDE):
            kept += [(f"{name}:{word.value.lineno}", is_scaled(word.value, tree)) for word in timed_calls(tree)]
    assert kept
    assert [place for place, scaled in kept if not scaled] == []
