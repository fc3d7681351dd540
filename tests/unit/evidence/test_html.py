"""The page: one file with nothing from elsewhere, every link leads somewhere, and no name gets out of its place."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.evidence.html import page
from raymesh.evidence.record import Failure, Record, SubjectPod, from_json, to_json
from raymesh.evidence.text import printable
from tests.unit.evidence.records import (
    CHAINS,
    EDGES,
    EMPTY,
    GREEN,
    PLAINTEXT,
    RECORDS,
    RED,
    SEEN,
    SIGHTS,
    fault,
    judgement,
)

VOID = {"meta", "link", "br", "rect", "line", "polygon"}  # the last are written with a slash
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></svg></style><script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#60;",
    "]]><!-- <![CDATA[",
    "a\u202egnp.exe\x00\x1b[2J\u2028",
    "\ud800",
]


class Read(HTMLParser):
    """Reads a page as strictly as its own template allows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: set[tuple[str, str]] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {(tag, name) for name, _ in attrs}
        given = dict(attrs)
        assert len(given) == len(attrs), f"an attribute twice: {attrs}"
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given and tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


FULL = replace(
    SEEN,
    subject=GREEN.subject and replace(GREEN.subject, pods=(*GREEN.subject.pods, SubjectPod("y", "worker", "g", "h"))),
)
KNOWN = [EMPTY, GREEN, RED, FULL, replace(FULL, faults=(fault(PLAINTEXT, EDGES, mended=False, problem="late\nvery"),))]
TEMPLATE = [Read(page(one, GREEN, ["raw/kiali-graph.json", "bundles/test_kiali/pods.yaml"])) for one in KNOWN]
TAGS = {tag for read in TEMPLATE for tag in read.tags}
ATTRIBUTES = {one for read in TEMPLATE for one in read.attributes}


def checked(text: str) -> Read:
    read = Read(text)
    assert read.tags.keys() <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert read.tags["script"] == read.tags["iframe"] == read.tags["img"] == 0
    assert not [name for _, name in read.attributes if name.startswith("on") or name in ("src", "srcdoc", "action")]
    assert [id_ for id_, times in Counter(read.ids).items() if times > 1] == []
    for link in read.links:
        assert link.removeprefix("#") in read.ids if link.startswith("#") else link.startswith(("raw/", "bundles/"))
    return read


@settings(max_examples=40, deadline=None)
@given(RECORDS, st.none() | RECORDS)
def test_any_record_makes_a_whole_page_that_asks_for_nothing(record: Record, against: Record | None) -> None:
    checked(page(record, against))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_stays_a_text(text: str) -> None:
    assert FULL.subject is not None
    bad = judgement(EDGES, ok=False, about=text, test=text)
    hostile = replace(
        FULL,
        options={text: text},
        subject=replace(FULL.subject, name=text, namespace=text, pods=(SubjectPod(text, "head", text, text),)),
        judgements=(judgement(CHAINS, about=text), replace(bad, expected=text, seen=text, witness=text)),
        failures=(Failure(text, "call", text),),
        notes=(text,),
        faults=(replace(fault(PLAINTEXT), fault=text, title=text, family=text, problem=text),),
        not_asked={EDGES.id: text},
        sights=replace(
            SIGHTS,
            edges=tuple(replace(one, source=text, target_identity=text) for one in SIGHTS.edges),
            ports=tuple(replace(one, name=text, held_by=(text,)) for one in SIGHTS.ports),
            methods=tuple(replace(one, method=text) for one in SIGHTS.methods),
            traces=tuple(
                replace(one, trace=text, port=text, spans=tuple(replace(s, pod=text, status=text) for s in one.spans))
                for one in SIGHTS.traces
            ),
            sidecars=tuple(replace(one, pod=text) for one in SIGHTS.sidecars),
            missing={text: text},
        ),
    )
    read = checked(page(hostile, GREEN, [f"raw/kiali-{text}.json", f"bundles/{text}/x"]))
    assert sum(printable(text) in data for data in read.texts) > 20


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_whatever_a_witness_saw_is_shown_word_for_word(seen: str) -> None:
    record = replace(GREEN, judgements=(replace(judgement(EDGES, ok=False), seen=seen),))
    assert printable(seen) in "".join(checked(page(record)).texts)


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        (GREEN, "Proven"),
        (RED, "Not proven"),
        (replace(RED, status="passed"), "Not proven"),
        (replace(GREEN, faults=(fault(PLAINTEXT),)), "Not proven"),
        (replace(GREEN, judgements=()), "Not proven"),
        (EMPTY, "No proof"),
        (replace(GREEN, status="interrupted"), "No proof"),
        (replace(RED, status="interrupted"), "Not proven"),
    ],
)
def test_the_answer_stands_on_top_and_in_the_title(record: Record, answer: str) -> None:
    text = page(record)
    assert f"<title>{answer}: raymesh" in text
    assert f"<strong>{answer}</strong>" in text


def test_red_findings_stand_first_and_open() -> None:
    text = page(RED)
    assert text.index('id="wrong"') < text.index('id="what"') < text.index('id="findings"')
    assert f'<details id="{EDGES.id}" class="bad" open>' in text
    assert f'<details id="{CHAINS.id}">' in text
    assert 'id="wrong"' not in page(GREEN)


def test_evidence_is_linked_only_where_it_is_there() -> None:
    record = replace(
        RED, judgements=(judgement(EDGES, ok=False, test="test_kiali[a b]"), judgement(CHAINS, about="pod-1"))
    )
    record = replace(record, failures=(Failure("test_kiali[a b]", "call", "no"),))
    assert not [link for link in checked(page(record)).links if not link.startswith("#")]
    files = ["raw/kiali-graph.json", "raw/envoy-pod-1-certs.json", "raw/envoy-pod-2-certs.json"]
    files += ["bundles/test_kiali-a-b-/events.txt", "bundles/other/events.txt", "raw/kiali-a b#.json"]
    links = {link for link in checked(page(record, files=files)).links if not link.startswith("#")}
    assert links == {
        *("raw/kiali-graph.json", "raw/kiali-a%20b%23.json", "raw/envoy-pod-1-certs.json"),
        "bundles/test_kiali-a-b-/events.txt",
    }


def test_what_changed_is_shown_with_what_is_worse_marked() -> None:
    text = page(RED, GREEN)
    assert 'id="changes"' in text
    assert '<td class="bad">✗ failed</td>' in text
    assert "Nothing: the same versions" in page(GREEN, GREEN)


def test_the_page_forbids_itself_scripts_and_requests() -> None:
    assert """content="default-src 'none'; style-src 'unsafe-inline';""" in page(GREEN)


def test_a_page_is_made_of_what_was_written_and_read_again() -> None:
    assert page(from_json(to_json(FULL))) == page(FULL)
