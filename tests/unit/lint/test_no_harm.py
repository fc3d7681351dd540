"""Whatever a manifest looks like: no traceback, and a fix changes what it says and nothing else."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raymesh.errors import UsageError
from raymesh.generate.merging import Wishes, merge
from raymesh.lint.diagnostics import Diagnostic
from raymesh.lint.fixing import fix_texts
from raymesh.lint.run import lint_texts
from raymesh.manifests.editing import apply_edits, is_json
from tests.unit.lint.examples import CLEAN, OLD_CLEAN, RED

READABLE = {name: example for name, example in RED.items() if name not in ("RM000", "RM025")}  # no dict has a key twice
TEXTS = [CLEAN, OLD_CLEAN, *(example.text for example in READABLE.values())]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["x", "", "6380", "$(x)", "a\nb", "a: b", "é", "*", "&a"])
)
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2))


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Manifests of which pieces are gone, doubled or something else, in any style of YAML or as JSON."""
    docs = list(yaml.safe_load_all(draw(st.sampled_from(TEXTS))))
    for _ in range(draw(st.integers(0, 4))):
        _damage(draw, docs)
    style = draw(st.sampled_from(["block", "flow", "mixed", "json", "windows"]))
    if style == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": docs}, indent=draw(st.sampled_from([None, 1])))
    flow = {"flow": True, "mixed": None}.get(style, False)
    text = yaml.safe_dump_all(docs, sort_keys=False, default_flow_style=flow, allow_unicode=True, width=10**6)
    return text.replace("\n", "\r\n") if style == "windows" else text


def _damage(draw: st.DrawFn, node: Any) -> None:
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = draw(st.sampled_from(keys))
    inner = node[key]
    if isinstance(inner, dict | list) and inner and draw(st.integers(0, 9)):
        _damage(draw, inner)
    elif draw(st.integers(0, 2)) == 0:
        del node[key]
    elif isinstance(node, list) and draw(st.booleans()):
        node.append(copy.deepcopy(inner))
    else:
        node[key] = draw(JUNK)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged())
def test_no_manifest_makes_a_traceback_or_comes_out_worse(text: str) -> None:
    before = lint_texts({"m": text})
    fixed = fix_texts({"m": text})
    after = fixed.sources["m"]
    assert is_json(after) >= is_json(text)
    assert len(fixed.unreadable) == len(before.unreadable)
    was, now = (Counter(f.rule for f in report.findings) for report in (before, fixed))
    assert not {rule for rule in now if now[rule] > was[rule]}, "no cure leads into the next fault"
    if after == text:
        assert not any(f.edits for f in fixed.findings)
    again = fix_texts({"m": after})
    assert again.sources["m"] == after
    try:
        merged = merge(text, Wishes()).text
    except UsageError:
        return
    assert is_json(merged) >= is_json(text)
    assert merge(merged, Wishes()).text == merged


@pytest.mark.parametrize("name", [n for n, e in READABLE.items()])
@pytest.mark.parametrize("style", ["block", "flow", "json"])
def test_a_fix_changes_what_it_says_and_nothing_else(name: str, style: str) -> None:
    """Each finding's edits alone: what is new in the objects stands in the edit, what is gone stood in its place."""
    docs = list(yaml.safe_load_all(READABLE[name].text))
    text = READABLE[name].text
    if style == "flow":
        text = yaml.safe_dump_all(docs, default_flow_style=True, width=10**6)
    elif style == "json":
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": docs})
    for finding in lint_texts({"m": text}, READABLE[name].options).findings:
        if finding.edits:
            explained(text, finding)


def explained(text: str, finding: Diagnostic) -> None:
    changed = apply_edits(text, finding.edits)
    was, now = leaves(text), leaves(changed)
    added, gone = now - was, was - now
    assert added or gone
    new = "".join(edit.text for edit in finding.edits)
    old = "".join(text[edit.start : edit.end] for edit in finding.edits)
    for path, value in added:
        assert stands(path, value, new), (path, value)
    for path, value in gone:
        assert stands(path, value, old), (path, value)


def stands(path: str, value: object, text: str) -> bool:
    """Whether a value, or a key that it stands under, is written in a text: as YAML or as JSON."""
    plain = str(value).lower() if isinstance(value, bool) else str(value)
    return plain in text or json.dumps(value) in text or path.rsplit("/", maxsplit=1)[-1] in text


def leaves(text: str) -> Counter[tuple[str, object]]:
    """Every scalar of every document with its keys; where it stands in a list does not count."""
    return Counter(leaf for doc in yaml.safe_load_all(text) for leaf in _leaves(doc, ""))


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, value
