"""SARIF is what OASIS says it is: every output is held to the schema of version 2.1.0.

sarif-schema-2.1.0.json.gz is the schema of oasis-tcs/sarif-spec, byte for byte as the crate serde-sarif 0.8.0 has it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from raymesh.lint.diagnostics import Diagnostic, Severity, Suppressed
from raymesh.lint.policy import PerPath, Policy
from raymesh.lint.run import Report, lint_texts
from raymesh.lint.sarif import as_sarif
from raymesh.manifests.places import Place
from tests.unit.lint.examples import CLEAN, RED

SCHEMA = json.loads(gzip.decompress(Path(__file__).with_name("sarif-schema-2.1.0.json.gz").read_bytes()))
VALIDATOR = Draft7Validator(SCHEMA)
URI = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-F]{2})*")  # RFC 3986, which JSON Schema only names


def uris(value: Any, name: str = "") -> Iterator[str]:
    """Every string that the schema gives the format `uri` or `uri-reference`."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from uris(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from uris(one, name)
    elif name == "$schema" or name.lower().endswith("uri"):
        yield value


def checked(report: Report) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(as_sarif(report))
    assert [f"{list(e.absolute_path)}: {e.message}" for e in VALIDATOR.iter_errors(told)] == []
    assert [uri for uri in uris(told) if not URI.fullmatch(uri)] == []
    return told


def test_the_schema_refuses_what_is_none() -> None:
    Draft7Validator.check_schema(SCHEMA)
    told = checked(lint_texts({"m.yaml": CLEAN}))
    changes: tuple[dict[str, Any], ...] = ({"version": "2.0.0"}, {"runs": [{}]}, {"more": 1})
    for change in changes:
        assert not VALIDATOR.is_valid(told | change)
    result = {"message": {"text": "m"}, "level": "severe"}
    assert not VALIDATOR.is_valid(told | {"runs": [told["runs"][0] | {"results": [result]}]})


@pytest.mark.parametrize("rule", sorted(RED))
def test_what_every_rule_finds(rule: str) -> None:
    report = lint_texts({f"a b/{rule}.yaml": RED[rule].text}, RED[rule].options)
    found = checked(report)["runs"][0]["results"]
    assert rule in {one["ruleId"] for one in found}


def test_what_was_put_aside_and_what_came_from_standard_input() -> None:
    text = RED["RM008"].text.replace("metadata:\n", "metadata:\n  annotations: {raymesh/ignore-RM008: it is}\n", 1)
    other = RED["RM001"].text.replace("mine", "other")
    report = lint_texts(
        {"-": text, "c:/own/other.yaml": other}, policy=Policy(per_path=(PerPath(("*other*",), {"RM001": "known"}),))
    )
    found = checked(report)["runs"][0]["results"]
    assert {one["kind"] for result in found for one in result["suppressions"]} == {"inSource", "external"}


WORDS = st.text(max_size=20)


@settings(max_examples=200, deadline=None)
@given(WORDS, st.text(min_size=1, max_size=20), WORDS, st.sampled_from(Severity), st.sampled_from(sorted(RED)))
def test_whatever_a_manifest_is_called_and_says(
    message: str, path: str, reason: str, severity: Severity, rule: str
) -> None:
    one = Diagnostic(rule, severity, Place(path, 1, 1), message, fix=reason, origin=message)
    report = Report(findings=[one, one], sources={path: ""})
    report.suppressed = [Suppressed(one, by, reason) for by in ("comment", "annotation", "config", "baseline")]
    assert len(checked(report)["runs"][0]["results"]) == 6
