"""Objects of the mesh in any shape are read without a traceback, and what is no such object is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.lint.diagnostics import UNREADABLE
from raymesh.lint.run import lint_texts
from tests.unit.lint.examples import CLEAN
from tests.unit.lint.pages import page_examples

FAILS, PASSES = page_examples()
EXAMPLES = sorted({*FAILS.values(), *PASSES.values()})
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "", "*", "6380", "10-20", "a/b", "0.0.0.0/0"])
)
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LEAVES, inner, max_size=3))


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(EXAMPLES), st.data())
def test_any_shape_is_read_without_a_traceback(text: str, data: st.DataObject) -> None:
    """Pieces of the pages' examples are replaced by anything."""
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key = lines[at].partition(":")[0]
        junk = data.draw(JUNK)
        lines[at] = data.draw(st.sampled_from([f"{key}: {junk!r}", f"{key}:", "", f"  {lines[at]}", f"{key}: *x"]))
    for finding in lint_texts({"mine.yaml": CLEAN, "other.yaml": "\n".join(lines)}).findings:
        assert finding.message


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("selector: [a]", "`selector` must be a mapping (key: value), found a list"),
        ("rules: {a: b}", "`rules` must be a list (one `- ` an element), found a mapping"),
        (
            "rules: [{from: [{source: {principals: x}}]}]",
            "`principals` must be a list (one `- ` an element), found the value 'x'",
        ),
        ("rules: [{to: [{operation: {ports: [[1]]}}]}]", "`ports` must be a single value, found a list"),
        ("rules: [{to: [{operation: {? [a] : [b]}}]}]", "this must be a single value, found a list"),
    ],
)
def test_a_policy_of_a_wrong_shape_is_located(spec: str, message: str) -> None:
    text = f"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: x}}\nspec: {{{spec}}}\n"
    findings = lint_texts({"a.yaml": text}).findings
    assert [(f.rule, f.place.line) for f in findings] == [(UNREADABLE, 4)]
    assert findings[0].message == message
