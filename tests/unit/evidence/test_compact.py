"""What is kept of a record: it still is one, says the same of each verdict, compares the same, and is small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from raymesh.errors import UsageError
from raymesh.evidence.compact import compact
from raymesh.evidence.compare import compare
from raymesh.evidence.record import Record, from_json, read, to_json
from raymesh.paths import ROOT
from tests.unit.evidence.records import EDGES, EMPTY, GREEN, RECORDS, RED, SIGHTS, judgement

RECORD_FILES = sorted((ROOT / "records").glob("*.json"))
MOST_BYTES = 60_000


def red(record: Record) -> set[str]:
    return {one.verdict for one in record.judgements if not one.ok}


@pytest.mark.parametrize("record", [GREEN, RED, replace(RED, sights=SIGHTS)])
def test_it_is_a_record_that_answers_as_the_whole_one_does(record: Record) -> None:
    kept = compact(record)
    assert from_json(to_json(kept)) == kept
    assert kept.judged == record.judged
    assert {one.verdict for one in kept.judgements if not one.ok} == {
        one.verdict for one in record.judgements if not one.ok
    }
    assert [(run.fault, run.turned, run.ok) for run in kept.faults] == [
        (run.fault, run.turned, run.ok) for run in record.faults
    ]
    assert not compare(record, kept)


def test_a_red_one_among_green_ones_is_what_stays() -> None:
    record = replace(RED, judgements=(judgement(EDGES), judgement(EDGES, ok=False), judgement(EDGES)))
    [one] = compact(record).judgements
    assert not one.ok
    assert one.seen


@settings(max_examples=20)
@given(RECORDS)
def test_of_a_run_that_did_not_end_nothing_is_kept(record: Record) -> None:
    if record.status in ("passed", "failed"):
        assert from_json(to_json(compact(record))).judged == record.judged
    else:
        with pytest.raises(UsageError, match=f"this record's run is {record.status}"):
            compact(record)


def test_who_ran_it_and_where_is_not_kept() -> None:
    options = {"lane": "seed", "set": "ray=2.46.0", "artifacts": "/home/me/artifacts", "kiali-token": "/home/me/token"}
    options["image"] = "ray=/home/me/ray.tar,kiali=quay.io/me/kiali:1,node=../node.tar"
    assert GREEN.images
    images = replace(GREEN.images, given={"ray": "/home/me/ray.tar, a file (sha256:1)"})
    kept = compact(replace(GREEN, options=options, images=images))
    image = "ray=ray.tar,kiali=quay.io/me/kiali:1,node=node.tar"
    assert kept.options == {"lane": "seed", "set": "ray=2.46.0", "image": image}
    assert kept.images
    assert kept.images.given == {"ray": "ray.tar, a file (sha256:1)"}
    with pytest.raises(UsageError, match="incomplete"):
        compact(EMPTY)


@pytest.mark.parametrize("path", RECORD_FILES, ids=lambda path: path.name)
def test_what_is_committed_is_compact_and_small(path: Path) -> None:
    record = read(path)
    assert compact(record) == record
    assert len(to_json(record)) < MOST_BYTES
    assert json.loads(to_json(record)) == json.loads(path.read_text())
