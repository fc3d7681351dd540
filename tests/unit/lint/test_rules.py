"""Every rule has a page, a manifest that turns it red and one that it leaves alone."""

from pathlib import Path

import pytest

from raymesh.lint.catalog import PAGES, index
from raymesh.lint.diagnostics import UNREADABLE, Severity
from raymesh.lint.registry import all_rules
from raymesh.lint.run import lint_texts
from raymesh.manifests.relating import Options
from tests.unit.lint.examples import CLEAN, NEAR, OLD_CLEAN, RED, UNMESHED, Example
from tests.unit.lint.pages import page_examples

IDS = [UNREADABLE, *all_rules()]


FAILS, PASSES = page_examples()


def hits(example: Example) -> list[str]:
    return [f.rule for f in lint_texts({"mine.yaml": example.text}, example.options).findings]


def beside_mine(text: str) -> list[str]:
    return [f.rule for f in lint_texts({"mine.yaml": CLEAN, "example.yaml": text}).findings]


@pytest.mark.parametrize("rule", IDS)
def test_a_rule_turns_red(rule: str) -> None:
    assert rule in (hits(RED[rule]) if rule in RED else beside_mine(FAILS[rule]))


@pytest.mark.parametrize("rule", IDS)
def test_a_rule_leaves_what_is_right_alone(rule: str) -> None:
    assert rule not in hits(NEAR.get(rule, Example(CLEAN)))


@pytest.mark.parametrize("rule", sorted(FAILS))
def test_the_examples_of_a_page_fail_and_pass(rule: str) -> None:
    assert rule in beside_mine(FAILS[rule])
    assert rule not in beside_mine(PASSES[rule])


@pytest.mark.parametrize("rule", IDS)
def test_a_rule_has_a_page_with_cause_symptom_and_evidence(rule: str) -> None:
    page = (PAGES / f"{rule}.md").read_text()
    title = all_rules()[rule].title if rule in all_rules() else "could not be read"
    assert page.startswith(f"# {rule}: {title}\n")
    for part in ("## Cause", "## Symptom", "## Evidence", "## Cure"):
        assert f"\n{part}\n" in page, part


def test_no_page_and_no_example_without_a_rule() -> None:
    assert sorted({*RED, *FAILS}) == IDS
    assert set(FAILS) == set(PASSES)
    assert set(NEAR) <= set(IDS)
    assert sorted(p.stem for p in Path(PAGES).glob("RM*.md")) == IDS


def test_the_index_is_up_to_date() -> None:
    assert (PAGES / "README.md").read_text() == index(), "python -m raymesh.lint.catalog > raymesh/lint/pages/README.md"


def test_clean_manifests_are_clean() -> None:
    assert hits(Example(CLEAN)) == []
    assert hits(Example(OLD_CLEAN)) == ["RM028"], "the guide leaves one port random; a note says so"


def test_a_cluster_outside_a_mesh_is_not_held_to_its_rules() -> None:
    assert hits(Example(UNMESHED)) == []


METRICS = """\
apiVersion: v1
kind: Service
metadata: {name: plain-metrics}
spec:
  clusterIP: None
  selector: {ray.io/cluster: plain}
  ports: [{name: metrics, port: 8080}, {name: dash, port: 44227}]
"""


def test_a_headless_service_for_scraping_is_no_sign_of_a_mesh() -> None:
    assert hits(Example(f"{UNMESHED}---\n{METRICS}")) == []


def test_another_service_of_the_cluster_is_not_held_to_be_the_one_that_nodes_name() -> None:
    other = METRICS.replace("plain", "mine")
    assert hits(Example(f"{CLEAN}---\n{other}")) == []


def test_a_cluster_that_refuses_sidecars_is_outside_the_mesh() -> None:
    text = CLEAN.replace("labels:\n          app: mine", "labels:\n          sidecar.istio.io/inject: 'false'")
    text = text.replace("labels:\n            app: mine", "labels:\n            sidecar.istio.io/inject: 'false'")
    broken = text.replace("port: 6380", "port: 6399")
    assert hits(Example(broken)) == []
    assert "RM001" in hits(Example(broken, Options(mesh=True)))


def test_severities_are_ordered() -> None:
    assert Severity.NOTE < Severity.WARNING < Severity.ERROR
