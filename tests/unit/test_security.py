"""SECURITY.md names a test for each rule of supply: it is there."""

from __future__ import annotations

import ast
import re

import pytest

from raymesh.paths import ROOT

ROWS = re.findall(r"^\| (.+) \| `(tests/[\w/]+\.py)::(test_\w+)` \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)


def test_there_are_rules() -> None:
    assert len(ROWS) == len(re.findall(r"`tests/[\w/]+\.py::", (ROOT / "SECURITY.md").read_text()))
    assert len(ROWS) > 10


@pytest.mark.parametrize(("rule", "path", "test"), ROWS, ids=[row[2] for row in ROWS])
def test_the_test_of_a_rule_is_there(rule: str, path: str, test: str) -> None:
    functions = {
        node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)
    }
    assert test in functions, rule
