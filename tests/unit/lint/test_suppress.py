"""What is put aside is put aside where it was meant to be, with a reason, and nowhere else."""

from __future__ import annotations

import pytest

from raymesh.lint.fixing import fix_texts
from raymesh.lint.policy import PerPath, Policy
from raymesh.lint.run import Report, lint_texts
from tests.unit.lint.examples import CLEAN, NODE_MANAGER, RED

SERVICE, CLUSTER = CLEAN.split("---\n")
RULE = "RM008"
WRONG = NODE_MANAGER.replace("grpc", "http")
COMMENT = "# raymesh: ignore RM008 because it is a test"


def lint(text: str, policy: Policy | None = None) -> Report:
    return lint_texts({"mine.yaml": text}, policy=policy)


def rules(report: Report) -> list[str]:
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize(
    "text",
    [
        CLEAN.replace(NODE_MANAGER, WRONG.replace("http\n", f"http  {COMMENT}\n")),
        CLEAN.replace(NODE_MANAGER, WRONG.replace("    appProtocol", f"    {COMMENT}\n    appProtocol")),
        CLEAN.replace(NODE_MANAGER, WRONG.replace("    appProtocol", f"    {COMMENT}\n\n    # why\n    appProtocol")),
        CLEAN.replace(NODE_MANAGER, WRONG.replace("http\n", "http # raymesh: ignore RM001, RM008 because of it\n")),
        f"{COMMENT}\n" + CLEAN.replace(NODE_MANAGER, WRONG),
        f"{CLUSTER}---\n{COMMENT}\n" + SERVICE.replace(NODE_MANAGER, WRONG),
        CLEAN.replace(NODE_MANAGER, WRONG).replace("http\n", f"http {COMMENT}\n").replace("\n", "\r\n"),
        CLEAN.replace(NODE_MANAGER, WRONG).replace(
            "metadata:\n", "metadata:\n  annotations: {raymesh/ignore-RM008: it is a test}\n", 1
        ),
    ],
)
def test_a_finding_is_put_aside_with_a_reason(text: str) -> None:
    report = lint(text)
    assert RULE not in rules(report)
    (one,) = (one for one in report.suppressed if one.finding.rule == RULE)
    assert one.by in ("comment", "annotation")
    assert one.reason in ("it is a test", "of it")


@pytest.mark.parametrize(
    "text",
    [
        f"{COMMENT}\n{CLUSTER}---\n" + SERVICE.replace(NODE_MANAGER, WRONG),
        CLEAN.replace(NODE_MANAGER, f"{NODE_MANAGER}{WRONG}".replace("grpc\n", f"grpc {COMMENT}\n")),
        CLEAN.replace(NODE_MANAGER, WRONG).replace(
            "  clusterIP: None\n", f'  clusterIP: None\n  externalName: "x {COMMENT}"\n'
        ),
        CLEAN.replace(NODE_MANAGER, WRONG).replace("---\n", f"---\n# not{COMMENT}\n"),
    ],
)
def test_another_place_and_a_string_put_nothing_aside(text: str) -> None:
    assert RULE in rules(lint(text))


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        ("# raymesh: ignore", "a rule and a reason are needed"),
        ("# raymesh: ignore RM008", "a rule and a reason are needed"),
        ("# raymesh: ignore RM008 because", "a rule and a reason are needed"),
        ("# raymesh: ignore all because I say so", "a rule and a reason are needed"),
        ("# raymesh: disable RM008 because of it", "a rule and a reason are needed"),
        ("# raymesh: ignore RM999 because of it", "there is no rule RM999"),
    ],
)
def test_a_comment_without_a_rule_or_a_reason_is_a_finding(comment: str, why: str) -> None:
    report = lint(CLEAN.replace(NODE_MANAGER, WRONG.replace("http\n", f"http {comment}\n")))
    assert sorted(rules(report)) == ["RM008", "RM044"]
    assert why in next(f.message for f in report.findings if f.rule == "RM044")


def test_an_annotation_without_a_reason_is_a_finding() -> None:
    for annotation in ("raymesh/ignore-RM008: ''", "raymesh/ignore-RM999: x", "raymesh/ignore: RM008"):
        text = CLEAN.replace("metadata:\n", f"metadata:\n  annotations: {{{annotation}}}\n", 1)
        assert rules(lint(text)) == ["RM044"]


def test_a_suppression_that_is_not_needed_is_a_finding() -> None:
    report = lint(CLEAN.replace(NODE_MANAGER, NODE_MANAGER.replace("grpc\n", f"grpc {COMMENT}\n")))
    assert rules(report) == ["RM045"]
    assert rules(lint(f"{COMMENT}\n{CLEAN}", Policy(ignore={"RM008": "x"}))) == [], "a rule that is off finds nothing"


def test_what_is_put_aside_is_not_fixed() -> None:
    text = CLEAN.replace(NODE_MANAGER, WRONG.replace("http\n", f"http  {COMMENT}\n"))
    assert fix_texts({"m": text}).sources["m"] == text
    assert fix_texts({"m": text.replace(COMMENT, "")}).sources["m"] != text.replace(COMMENT, "")


def test_what_can_not_be_read_is_not_put_aside() -> None:
    assert rules(lint(f"# raymesh: ignore RM000 because of it\n{RED['RM000'].text}")) == ["RM044", "RM000"]


@pytest.mark.parametrize(
    ("paths", "path", "aside"),
    [
        (("samples",), "samples/a/ray.yaml", True),
        (("samples/**",), "samples/a/ray.yaml", True),
        (("samples/*.yaml",), "samples/ray.yaml", True),
        (("**/dev/*",), "env/dev/ray.yaml", True),
        (("**/dev/*",), "dev/ray.yaml", True),
        (("*.yml",), "samples/ray.yaml", False),
        (("sample",), "samples/ray.yaml", False),
        (("a/samples",), "samples/ray.yaml", False),
    ],
)
def test_a_rule_is_off_for_some_paths(paths: tuple[str, ...], path: str, aside: bool) -> None:
    policy = Policy(per_path=(PerPath(paths, {"RM00": "samples are old"}),))
    report = lint_texts({path: CLEAN.replace(NODE_MANAGER, WRONG)}, policy=policy)
    assert (rules(report) == []) is aside
    assert [one.reason for one in report.suppressed] == ["samples are old"] * aside


def test_rules_are_named_whole_or_by_their_beginning() -> None:
    text = CLEAN.replace(NODE_MANAGER, WRONG).replace("  clusterIP: None\n", "")
    assert rules(lint(text)) == ["RM008", "RM015"] or sorted(rules(lint(text))) == ["RM008", "RM015"]
    assert rules(lint(text, Policy(select=("RM008",)))) == ["RM008"]
    assert rules(lint(text, Policy(select=("RM00",)))) == ["RM008"]
    assert rules(lint(text, Policy(ignore={"RM00": "x"}))) == ["RM015"]
    assert rules(lint(text, Policy(select=("RM0",), ignore={"RM015": "x"}))) == ["RM008"]
