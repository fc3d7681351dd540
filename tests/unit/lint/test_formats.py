"""What programs and code hosts are given: stable, complete, and harmless whatever a manifest says."""

from __future__ import annotations

import json
from urllib.parse import unquote
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.lint.catalog import lookup, page, url
from raymesh.lint.codehosts import as_github, as_gitlab, as_junit, as_markdown, fingerprints
from raymesh.lint.diagnostics import Diagnostic, Severity, Suppressed
from raymesh.lint.formats import FORMATS, as_json, as_text
from raymesh.lint.policy import Policy
from raymesh.lint.run import Report, lint_texts
from raymesh.lint.sarif import as_sarif
from raymesh.manifests.places import Place
from tests.unit.lint.examples import CLEAN, NODE_MANAGER, OLD_CLEAN

RED = CLEAN.replace(NODE_MANAGER, NODE_MANAGER.replace("grpc", "http")).replace("10012", "10013")
COMMANDS = ("\n::error file=x::y", "\r::add-mask::z", "\x1b]0;title\x07", "a\u2028b\x85c", "\ud800")


def finding(message: str = "m", path: str = "p.yaml", severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic("RM001", severity, Place(path, 3, 5), message, fix=f"fix {message}", origin=message)


@pytest.mark.parametrize("text", COMMANDS)
@pytest.mark.parametrize("form", ["text", "github", "markdown"])
def test_a_manifest_can_not_speak_to_a_terminal_or_a_ci_server(form: str, text: str) -> None:
    report = Report(findings=[finding(text, path=f"p{text}.yaml")], sources={"p.yaml": ""})
    report.suppressed = [Suppressed(finding(text), "comment", text)]
    printed = as_text(report, verbose=1) if form == "text" else FORMATS[form](report)
    lines = printed.split("\n")
    assert not [line for line in lines[form == "github" :] if line.startswith("::")]
    assert not set("\x1b\x07\r\u2028\x85\ud800") & set(printed)


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text(min_size=1).filter(lambda path: path != "-"))
def test_every_format_takes_every_text(message: str, path: str) -> None:
    report = Report(findings=[finding(message, path)], sources={path: ""})
    assert json.loads(as_json(report))["findings"][0]["message"] == message
    assert json.loads(as_gitlab(report))[0]["location"]["lines"]["begin"] == 3
    location = json.loads(as_sarif(report))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert unquote(location["artifactLocation"]["uri"]) == path
    (case,) = Tree.fromstring(as_junit(report).encode("utf-8")).iter("testcase")
    assert case.find("failure") is not None
    assert as_markdown(report)


def test_the_json_format_has_a_version_and_every_field() -> None:
    told = json.loads(as_json(lint_texts({"mine.yaml": RED})))
    assert told["version"] == 1
    assert {frozenset(one) for one in told["findings"]} == {
        frozenset(
            ("rule", "severity", "path", "line", "column", "message", "fix", "fixable", "object", "origin", "url")
        )
    }
    assert {one["object"] for one in told["findings"]} == {
        "Service/default/mine-headless-svc",
        "RayCluster/default/mine",
    }


def test_sarif_leads_from_a_finding_to_its_rule() -> None:
    report = lint_texts({"a b/mine.yaml": RED}, policy=Policy(ignore={"RM009": "x"}))
    (run,) = json.loads(as_sarif(report))["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert run["tool"]["driver"]["version"]
    for result in run["results"]:
        rule = rules[result["ruleId"]]
        assert (rule["helpUri"], rule["help"]["markdown"]) == (url(result["ruleId"]), page(result["ruleId"]))
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/mine.yaml"
    assert len(run["results"]) == len(report.findings)


def test_sarif_tells_what_was_suppressed_with_the_reason() -> None:
    report = lint_texts(
        {"m": RED.replace("metadata:\n", "metadata:\n  annotations: {raymesh/ignore-RM008: it is}\n", 1)}
    )
    results = json.loads(as_sarif(report))["runs"][0]["results"]
    assert [r["suppressions"] for r in results if r["suppressions"]] == [
        [{"kind": "inSource", "justification": "it is"}]
    ]


def test_fingerprints_stay_while_lines_move_and_are_never_equal() -> None:
    before, after = (lint_texts({"m": text}).findings for text in (RED, f"\n\n{RED}"))
    assert fingerprints(before) == fingerprints(after)
    assert len(set(fingerprints([finding(), finding()]))) == 2


def test_junit_has_a_case_for_every_file_and_notes_fail_none() -> None:
    report = lint_texts(
        {"clean.yaml": CLEAN.replace("mine", "other"), "old.yaml": OLD_CLEAN, "red.yaml": RED.replace("mine", "red")}
    )
    suite = Tree.fromstring(as_junit(report).encode()).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["red.yaml"]


def test_the_page_of_a_rule_is_named_once_in_text() -> None:
    report = lint_texts({"m": CLEAN.replace("appProtocol: grpc\n", "appProtocol: http\n")})
    assert len([f for f in report.findings if f.rule == "RM008"]) > 2
    assert as_text(report).count(lookup("RM008")) == 1


def test_github_annotations_are_single_lines() -> None:
    assert as_github(Report(findings=[finding("a\nb")])).count("\n") == 0
