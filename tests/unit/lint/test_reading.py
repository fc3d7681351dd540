"""Bad input becomes a located finding; what stands beside it is still read."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raymesh.lint.diagnostics import UNREADABLE
from raymesh.lint.run import lint_paths, lint_texts
from raymesh.manifests.places import Unread
from raymesh.manifests.reading import Document, parse, read_file
from tests.unit.lint.examples import CLEAN, POLICY, RED

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)


def messages(text: str) -> list[str]:
    return [f"{f.place}: {f.message}" for f in lint_texts({"m.yaml": text}).findings]


def test_a_broken_document_is_located_and_the_others_are_linted() -> None:
    broken = "kind: Service\nspec: [1, 2\n"
    found = lint_texts({"m.yaml": f"{broken}---\n{RED['RM001'].text}", "n.yaml": broken}).findings
    assert [(f.rule, f.place.path, f.place.line) for f in found] == [
        ("RM000", "m.yaml", 3),
        ("RM001", "m.yaml", found[1].place.line),
        ("RM000", "n.yaml", 3),
    ]
    assert found[1].place.line > 3, "lines are counted from the start of the file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{- if .Values.ray }}\nkind: RayCluster\n{{- end }}\n", "m.yaml:1:1: a template that is not rendered"),
        (
            "kind: RayCluster\nspec: []\nmetadata: {name: x}\n",
            "m.yaml:2:7: `spec` must be a mapping (key: value), found a list",
        ),
        (
            "kind: RayCluster\nmetadata: {name: [x]}\nspec: {}\n",
            "m.yaml:2:18: `name` must be a single value, found a list",
        ),
        (
            "kind: Service\nmetadata: {name: x}\nspec: {ports: 80}\n",
            "m.yaml:3:15: `ports` must be a list (one `- ` an element), found the value '80'",
        ),
        (
            "kind: Service\nmetadata: {name: x}\nspec: {ports: [{name: y}]}\n",
            "m.yaml:3:16: `ports` must be a port with a number under `port`, found a mapping",
        ),
        ("a: b\n\x01: c\n", "m.yaml:2:1: not YAML: character #x0001"),
        ("a: *b\n", "m.yaml:1:4: not YAML: found undefined alias"),
        ("a: b: c\n", "m.yaml:1:5: not YAML: mapping values are not allowed"),
        ("[" * 200_000, "m.yaml:1:1: not YAML: more than 200 levels deep"),
        ("- " * 200_000 + "x", "m.yaml:1:1: not YAML: more than 200 levels deep"),
        ("{a: " * 200_000, "m.yaml:1:1: not YAML: more than 200 levels deep"),
    ],
)
def test_what_can_not_be_read_is_named(text: str, message: str) -> None:
    found = messages(text)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_files_that_are_no_text_are_located(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"kind: x\nname: \xff\xfe\n")
    (tmp_path / "b.yaml").write_text(RED["RM001"].text)
    found = lint_paths([str(tmp_path), str(tmp_path / "none")]).findings
    assert [(f.rule, Path(f.place.path).name, f.place.line, f.place.column) for f in found] == [
        ("RM000", "a.yaml", 2, 7),
        ("RM001", "b.yaml", found[1].place.line, found[1].place.column),
        ("RM000", "none", 1, 1),
    ]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raymesh.manifests.reading.LARGEST_FILE", 1 << 20)
    (tmp_path / "a.yaml").write_text("#" * ((1 << 20) + 1))
    answer = read_file(str(tmp_path / "a.yaml"))
    assert isinstance(answer, Unread)
    assert "larger than 1 MB" in answer.message


WIDE = (
    f"p: &p [{'{containerPort: 1}, ' * 300}]\nc: &c [{'{name: x, ports: *p}, ' * 300}]\n"
    f"g: &g {{template: {{spec: {{containers: *c}}}}}}\nkind: RayCluster\nmetadata: {{name: x}}\n"
    f"spec: {{workerGroupSpecs: [{'*g, ' * 300}]}}\n"
)


@pytest.mark.parametrize("bomb", [f"kind: RayCluster\n{BOMB}", WIDE], ids=["deep", "wide"])
def test_a_bomb_of_aliases_is_not_expanded(bomb: str) -> None:
    assert messages(bomb) == ["m.yaml:1:1: not YAML: its aliases stand for more than 100000 further nodes"]


@pytest.mark.parametrize("address", [".a.b.svc" * 8000 + "!", "x." * 32_000, "$(" * 32_000])
def test_a_long_address_takes_no_time(address: str) -> None:
    """64 KB of it; the limit is far above what it takes and far below what searching it would."""
    text = re.sub(r"node-ip-address: .*", lambda _: f"node-ip-address: '{address}'", CLEAN)
    started = time.process_time()
    assert "RM017" in {f.rule for f in lint_texts({"m": text}).findings}
    assert time.process_time() - started < 3


def test_a_range_of_all_ports_takes_no_time() -> None:
    """Each port is asked of each policy, and everything below 1024 to 65535 is asked for."""
    wide = CLEAN.replace("max-worker-port: '10012'", "max-worker-port: '65535'")
    policies = "".join(f"---\n{POLICY.replace('name: ray', f'name: ray-{i}')}" for i in range(3))
    started = time.process_time()
    assert "RM005" in {f.rule for f in lint_texts({"m": f"{wide}{policies}"}).findings}
    assert time.process_time() - started < 5


def test_many_documents_take_as_long_each_as_few() -> None:
    """Eight times the documents of one file: far below what would be if each looked at the whole file."""

    def taken(clusters: int) -> float:
        text = "---\n".join(CLEAN.replace("mine", f"mine-{i}") for i in range(clusters))
        started = time.process_time()
        assert lint_texts({"m": text}).findings == []
        return time.process_time() - started

    few = min(taken(100) for _ in range(3))
    assert taken(800) < 8 * few * 2


def test_a_few_aliases_are_read() -> None:
    node = "ports: [{name: a, port: 1}]\n"
    assert messages(f"kind: Service\nmetadata: {{name: x}}\nspec:\n  {node}  selector: &s {{a: b}}\nother: *s\n") == []


def test_an_alias_of_itself_ends() -> None:
    assert messages("kind: List\nitems: &a [*a]\n") == [
        "m.yaml:2:8: `items` must be a mapping (key: value), found a list"
    ]
    assert messages("&a {kind: RayCluster, metadata: {name: x}, spec: *a}\n") == []


def test_kinds_that_are_not_ours_are_left_alone() -> None:
    assert messages("kind: ConfigMap\ndata: [not, a, mapping]\n---\njust text\n---\n- 1\n---\n") == []
    assert messages("apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: 80}\n") == []


def test_templates_of_something_else_are_left_alone() -> None:
    assert messages("{{- if .Values.on }}\nkind: Deployment\n{{- end }}\n") == []


def test_a_list_is_opened() -> None:
    items = "".join(f"- {part.replace(chr(10), chr(10) + '  ').rstrip()}\n" for part in CLEAN.split("---\n"))
    assert messages(f"kind: List\nitems:\n{items}") == []
    assert "RM001" in {
        f.rule for f in lint_texts({"m": f"kind: List\nitems:\n{items}".replace("port: 6380", "port: 6399")}).findings
    }


def test_merge_keys_and_anchors_are_understood() -> None:
    text = CLEAN.replace(
        "    rayStartParams:\n      num-cpus: '1'\n      node-manager-port: '6380'\n",
        "    rayStartParams:\n      <<: {num-cpus: '1', node-manager-port: '6380'}\n",
    )
    assert text != CLEAN
    assert messages(text) == []


def test_windows_lines_and_directives_are_read() -> None:
    assert messages("%YAML 1.2\n---\n" + CLEAN) == []
    assert messages(CLEAN.replace("\n", "\r\n")) == []


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
@example("---\n--- a\n---\t\n")
@example("kind: RayCluster\nmetadata: {name: }\nspec: {headGroupSpec: {rayStartParams: {? [a] : b}}}\n")
@example("? {a: b}\n: c\n")
def test_any_text_is_read_without_a_traceback(text: str) -> None:
    for item in parse("m.yaml", text):
        assert isinstance(item, Document | Unread)
    for finding in lint_texts({"m.yaml": text}).findings:
        assert finding.place.line >= 1
        assert finding.rule == UNREADABLE


@pytest.mark.parametrize("value", ["9" * 5000, "99999999", "inf", "nan", "1e999", "-1", "٣", "$PORT", "{}"])
@pytest.mark.parametrize("flag", ["num-cpus", "node-manager-port", "max-worker-port", "worker-port-list"])
def test_absurd_values_are_no_trouble(flag: str, value: str) -> None:
    for text in (f"      {flag}: '{value}'\n", f"      {flag}: {value}\n"):
        lint_texts({"m": CLEAN.replace("      num-cpus: '1'\n", text)})


def test_absurd_numbers_elsewhere_are_no_trouble() -> None:
    for old in ("port: 6380", "rayVersion: 2.60.0", "image: rayproject/ray:2.60.0"):
        key = old.partition(": ")[0]
        for value in ("9" * 5000, "rayproject/ray:" + "9" * 5000 + ".1.2", "-5", "0x10", "1.5", "~"):
            lint_texts({"m": CLEAN.replace(old, f"{key}: {value}")})


LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "", "6380", "None", "{{ x }}", "\\$("])
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LEAVES, inner, max_size=3))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_shape_of_a_manifest_is_read_without_a_traceback(data: st.DataObject) -> None:
    """Pieces of a clean manifest are replaced by anything."""
    lines = CLEAN.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key = lines[at].partition(":")[0]
        junk = data.draw(
            st.recursive(LEAVES, lambda s: st.lists(s, max_size=3) | st.dictionaries(LEAVES, s, max_size=3))
        )
        lines[at] = data.draw(st.sampled_from([f"{key}: {junk!r}", f"{key}:", "", f"{lines[at]}x", f"  {lines[at]}"]))
    for finding in lint_texts({"m.yaml": "\n".join(lines)}).findings:
        assert finding.message


def test_a_wrong_shape_that_one_rule_alone_reads_is_told() -> None:
    text = CLEAN.replace("minReplicas: 1\n", "minReplicas: []\n", 1)
    assert text != CLEAN
    (told,) = (f.message for f in lint_texts({"m.yaml": text}).unreadable)
    assert told == "`minReplicas` must be a single value, found a list"
