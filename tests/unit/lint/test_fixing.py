"""Edits change what they mean to and nothing else: comments, order and layout stay."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.errors import UsageError
from raymesh.generate.merging import Wishes, merge
from raymesh.lint.fixing import fix_texts
from raymesh.lint.run import lint_texts
from raymesh.manifests.editing import add_elements, drop_element, drop_key, quoted, replace_node, set_key, word
from raymesh.manifests.places import Edit
from raymesh.manifests.reading import Document, parse
from raymesh.manifests.tree import child
from raymesh.ports import Version, working_contract
from tests.unit.lint.examples import CLEAN, RED

USER = """\
# Ours. Ask before you change it.
apiVersion: ray.io/v1
kind: RayCluster
metadata:
    name: mine   # four spaces
spec:
    rayVersion: "2.60.0"
    headGroupSpec:
        serviceType: ClusterIP
        rayStartParams:
            num-cpus: "2"  # two
            # the dashboard is for all
            dashboard-host: 0.0.0.0
        template:
            spec:
                containers:
                    - image: rayproject/ray:2.60.0
                      name: head
    workerGroupSpecs:
        - groupName: small   # the only one
          rayStartParams: {}   # nothing yet
          template: {spec: {containers: [{name: worker, image: "rayproject/ray:2.60.0"}]}}
"""
WISHES = Wishes()


def document(text: str) -> Document:
    (doc,) = parse("m", text)
    assert isinstance(doc, Document)
    return doc


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1 # one\nb: 2\n", "a: 1 # one\nb: 2\nk: v\n"),
        ("a: 1", "a: 1\nk: v"),
        ("a:\n  b: 1 # one\n\n# end\n", "a:\n  b: 1 # one\nk: v\n\n# end\n"),
        ("{a: 1}\n", "{k: v, a: 1}\n"),
        ("a: |\n  text\n", "k: v\na: |\n  text\n"),
        ("k: old # why\na: 1\n", "k: v # why\na: 1\n"),
        ("k:\na: 1\n", "k: v\na: 1\n"),
        ("k: {a: b}\n", "k: {a: b}\n"),
        ("k: &x old\na: *x\n", "k: &x old\na: *x\n"),
    ],
)
def test_a_key_is_set_in_place(text: str, expected: str) -> None:
    doc = document(text)
    assert applied(text, set_key(doc, doc.root, "k", "v")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {}\n", "a:\n  k: v\n"),
        ("- a: {} # none\n", "- a:\n    k: v # none\n"),
        ("b: {a: {}}\n", "b: {a: {}}\n"),
    ],
)
def test_the_first_key_opens_empty_braces(text: str, expected: str) -> None:
    doc = document(text)
    root = doc.root.value[0] if isinstance(doc.root, yaml.SequenceNode) else doc.root
    assert applied(text, set_key(doc, child(root, "a"), "k", "v")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l:\n- a: 1\n- a: 2 # two\n# end\n", "l:\n- a: 1\n- a: 2 # two\n- k: v\n  n: 1\n# end\n"),
        ("l:\n    - a: 1\n", "l:\n    - a: 1\n    - k: v\n      n: 1\n"),
        ("l: [{a: 1}]\n", "l: [{a: 1}, {k: v, n: 1}]\n"),
        ("l: []\n", "l: []\n"),
    ],
)
def test_an_element_is_added_in_the_list_s_own_form(text: str, expected: str) -> None:
    doc = document(text)
    assert applied(text, add_elements(doc, child(doc.root, "l"), [{"k": "v", "n": "1"}])) == expected


def test_an_element_and_a_key_are_dropped_with_their_lines() -> None:
    text = "l:\n- a: 1\n  b: 2 # two\n- a: 3\nk: v\n"
    doc = document(text)
    sequence = child(doc.root, "l")
    assert isinstance(sequence, yaml.SequenceNode)
    assert applied(text, drop_element(doc, sequence, sequence.value[0])) == "l:\n- a: 3\nk: v\n"
    assert applied(text, drop_key(doc, doc.root, "k")) == "l:\n- a: 1\n  b: 2 # two\n- a: 3\n"
    assert drop_key(doc, doc.root, "nobody") == ()
    anchored = document("a: &x 1\n")
    node = child(anchored.root, "a")
    assert node is not None
    assert replace_node(anchored, node, "2") == (), "others refer to it"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=30))
def test_words_and_quoted_strings_mean_what_they_say(text: str) -> None:
    assert yaml.safe_load(f"k: {quoted(text)}")["k"] == text
    assert yaml.safe_load(f"k: {word(text)}")["k"] == text
    assert yaml.safe_load(f"{{k: {word(text)}}}")["k"] == text


def test_comments_order_and_layout_stay_when_merged() -> None:
    merged = merge(USER, WISHES).text
    lines = iter(merged.splitlines())
    for line in USER.replace("rayStartParams: {}   #", "rayStartParams:").splitlines():
        if "nothing yet" not in line and "template: {" not in line:
            assert line in lines, f"{line!r} is there, and in its place"
    assert "# nothing yet" in merged
    assert lint_texts({"m": merged}).findings == []
    assert merge(merged, WISHES).text == merged, "merging again changes nothing"


@pytest.mark.parametrize("name", ["name: mine ", "generateName: mine- "])
@pytest.mark.parametrize("kind", ["RayJob", "RayService"])
def test_merging_into_jobs_and_services_selects_by_label(kind: str, name: str) -> None:
    key = {"RayJob": "rayClusterSpec", "RayService": "rayClusterConfig"}[kind]
    head, _, spec = USER.replace("name: mine ", name).partition("spec:\n")
    text = head.replace("RayCluster", kind) + f"spec:\n    {key}:\n" + "".join(f"    {x}\n" for x in spec.splitlines())
    merged = merge(text, WISHES).text
    made = list(yaml.safe_load_all(merged))
    assert made[1]["spec"]["selector"] == {"app": "mine"}
    assert lint_texts({"m": merged}).findings == []


def test_merging_corrects_the_service_that_is_there() -> None:
    """A Service without one port, and one worker port more than before."""
    wider = range(10002, 10015)
    merged = merge(RED["RM001"].text, Wishes(worker_ports=wider)).text
    ports = {p["port"] for p in next(iter(yaml.safe_load_all(merged)))["spec"]["ports"]}
    assert ports == {p.number for p in working_contract("2.60.0", worker_ports=wider).headless_ports()}
    assert lint_texts({"m": merged}).findings == []


@pytest.mark.parametrize(
    ("text", "wishes", "message"),
    [
        ("kind: ConfigMap\n", WISHES, "manifest: no RayCluster, RayJob or RayService in it"),
        (f"{USER}---\n{USER.replace('mine', 'other')}", WISHES, "clusters in the file: mine, other; --name"),
        (USER.replace('"2.60.0"', '"2.55.0"'), Wishes(ray=Version(2, 60)), "for Ray 2.55.0, not 2.60.0: leave --ray"),
        (USER.replace("2.60.0", "nightly"), WISHES, "does not say its Ray version: --ray VERSION"),
        (USER.replace('"2"', '"64"'), Wishes(worker_ports=range(10002, 10013)), "11 worker ports for 64 CPUs"),
        (USER, Wishes(cpus=1), "has 2 CPUs, more than --cpus 1"),
        ("a: [\n", WISHES, "manifest:2:1: not YAML"),
        (USER.replace("dashboard-host: 0.0.0.0", "worker-port-list: '10002'"), WISHES, "has worker-port-list"),
        (USER.replace('num-cpus: "2"', 'node-manager-port: &x "2"'), WISHES, "a form that can't be edited"),
        (USER.replace("ray.io/v1", "cluster.ray.io/v1"), WISHES, "another operator's"),
        (USER.replace("headGroupSpec", "head"), WISHES, "has no headGroupSpec"),
    ],
)
def test_merging_refuses_with_the_reason(text: str, wishes: Wishes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        merge(text, wishes)


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, len(CLEAN.splitlines()) - 1), max_size=12), st.text("abc #'", max_size=8))
def test_comments_are_kept_by_fixing(lines: set[int], comment: str) -> None:
    """Comments anywhere in a manifest with several faults."""
    broken = CLEAN.replace("appProtocol: http\n", "appProtocol: tcp\n").replace("  clusterIP: None\n", "")
    broken = broken.replace("node-manager-port: '6380'", "node-manager-port: 6380")
    text = "".join(
        f"{line}  # {comment}{i}\n" if i in lines and line != "---" else f"{line}\n"
        for i, line in enumerate(broken.splitlines())
    )
    fixed = fix_texts({"m": text})
    assert fixed.findings == []
    for i in lines:
        assert text.count(f"# {comment}{i}\n") == fixed.sources["m"].count(f"# {comment}{i}\n")


def test_a_file_with_windows_lines_stays_readable() -> None:
    fixed = fix_texts({"m": RED["RM001"].text.replace("\n", "\r\n")})
    assert fixed.findings == []
