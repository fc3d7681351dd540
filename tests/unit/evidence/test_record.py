"""The record: what is written is of the published schema, and is read again as it was; anything else is refused."""

from __future__ import annotations

import json
import sys
import typing
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from raymesh.errors import EnvironmentFault, UsageError
from raymesh.evidence.record import SCHEMA, FaultRun, Record, check, figure, from_json, read, schema, to_json
from raymesh.verdicts import catalog
from tests.unit.evidence.records import CHAINS, EDGES, EMPTY, GREEN, PLAINTEXT, RECORDS, RED, SEEN, fault, judgement


def data_of(record: Record) -> Any:
    return json.loads(to_json(record))


def types_in(kind: Any) -> set[Any]:
    """Return the dataclasses that a type is made of."""
    found = {kind} if is_dataclass(kind) else set()
    inner = typing.get_type_hints(kind).values() if is_dataclass(kind) else typing.get_args(kind)
    return found.union(*(types_in(one) for one in inner)) if inner else found


@given(RECORDS)
def test_a_record_is_of_the_schema_and_is_read_as_it_was(record: Record) -> None:
    text = to_json(record)
    assert check(json.loads(text)) == ""
    assert from_json(text) == record


@pytest.mark.parametrize("record", [EMPTY, GREEN, RED, SEEN])
def test_records_of_each_colour_go_round(record: Record) -> None:
    assert from_json(to_json(record)) == record


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


def test_the_schema_has_each_field_and_no_other() -> None:
    for kind in types_in(Record):
        published = schema() if kind is Record else schema()["$defs"][kind.__name__]
        names = {one.name for one in fields(kind)} | set(getattr(kind, "WRITTEN", ()))
        assert set(published["properties"]) - {"schema"} == names, kind
        assert set(published["required"]) == set(published["properties"]) - set(getattr(kind, "ADDED", ())), kind
        assert published["additionalProperties"] is False, kind


@given(st.data())
def test_a_record_that_lacks_a_field_or_has_one_more_is_refused(data: st.DataObject) -> None:
    record = data_of(RED)
    key = data.draw(st.sampled_from(sorted(set(record) - {"schema", *Record.ADDED})))
    with pytest.raises(UsageError, match=f"not a record of schema version {SCHEMA}.*{key}"):
        from_json(json.dumps({name: value for name, value in record.items() if name != key}))
    with pytest.raises(UsageError, match=r"not a record of schema version \d.*stranger"):
        from_json(json.dumps({**record, "stranger": 1}))


def test_a_record_from_before_a_field_was_added_is_read_with_its_default() -> None:
    record = {name: value for name, value in data_of(SEEN).items() if name not in Record.ADDED}
    assert from_json(json.dumps(record)) == replace(SEEN, sights=None)


def test_an_error_says_where_it_is() -> None:
    record = data_of(RED)
    record["judgements"][1]["verdict"] = "no mTLS"
    with pytest.raises(UsageError, match=r"^mine: .*|^mine is not a record.*\$\.judgements\[1\]\.verdict.*no mTLS"):
        from_json(json.dumps(record), "mine")


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, True, 1.5, [1], "x" * 1000])
def test_another_schema_version_is_named_with_the_cure(version: object) -> None:
    with pytest.raises(UsageError, match=r"schema version .* reads version 1.*read it with the raymesh") as caught:
        from_json(json.dumps({**data_of(GREEN), "schema": version}))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("text", ["", "{", "nope", "[" * 100_000, '{"schema": 1, "a": NaN}', '{"schema": 1e999}'])
def test_what_is_no_json_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"^mine is not JSON: "):
        from_json(text, "mine")


@pytest.mark.parametrize("text", ["[]", "1", "null", "{}", '{"apiVersion": "v1"}', '"schema"'])
def test_what_is_no_record_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"^mine is not a record of a run: it has no `schema`"):
        from_json(text, "mine")


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^{tmp_path}/none.json: no such file; "):
        read(tmp_path / "none.json")
    with pytest.raises(UsageError, match=f"^can't read {tmp_path}: "):
        read(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'"\xff"')
    with pytest.raises(UsageError, match=r"^can't read .*latin.json: "):
        read(tmp_path / "latin.json")


def test_where_the_library_that_checks_is_missing_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(EnvironmentFault, match=r"raymesh\[report\]"):
        from_json(to_json(GREEN))
    assert to_json(GREEN)


def test_infinity_is_kept_as_a_word() -> None:
    assert figure(float("inf")) == "inf"
    assert figure(float("nan")) == "nan"
    assert (figure(1.5), figure(2), figure("x")) == (1.5, 2, "x")


@pytest.mark.parametrize(
    ("run", "missing", "others"),
    [
        (fault(PLAINTEXT), (CHAINS,), ()),
        (fault(PLAINTEXT, CHAINS, EDGES), (), (EDGES,)),
        (fault(), (PLAINTEXT, CHAINS), ()),
        (fault(EDGES), (PLAINTEXT, CHAINS), (EDGES,)),
        (fault(expected=()), (), ()),
        (fault(PLAINTEXT, CHAINS, mended=False), (), ()),
        (fault(PLAINTEXT, CHAINS, seconds_to_green=None), (), ()),
        (fault(PLAINTEXT, CHAINS, seconds_to_red=None), (), ()),
        (fault(PLAINTEXT, CHAINS, problem="it was red before"), (), ()),
    ],
)
def test_a_fault_that_did_not_turn_red_just_what_it_names_is_not_ok(
    run: FaultRun, missing: tuple[catalog.Verdict, ...], others: tuple[catalog.Verdict, ...]
) -> None:
    assert not run.ok
    assert set(run.missing) == {verdict.id for verdict in missing}
    assert set(run.others) == {verdict.id for verdict in others}
    written = data_of(replace(GREEN, faults=(run,)))["faults"][0]
    assert (written["ok"], written["missing"], written["others"]) == (False, list(run.missing), list(run.others))


def test_a_fault_that_turned_red_just_what_it_names_is_ok() -> None:
    assert fault(PLAINTEXT, CHAINS).ok
    assert fault(CHAINS, PLAINTEXT, PLAINTEXT).ok


def test_a_written_ok_does_not_outweigh_what_was_seen() -> None:
    record = data_of(replace(GREEN, faults=(fault(PLAINTEXT),)))
    record["faults"][0] |= {"ok": True, "missing": []}
    [run] = from_json(json.dumps(record)).faults
    assert not run.ok
    assert run.missing == (CHAINS.id,)


def test_only_a_record_with_findings_that_all_hold_has_nothing_wrong() -> None:
    assert GREEN.wrong == ()
    assert EMPTY.wrong == ("nothing was judged",)
    assert replace(GREEN, judgements=()).wrong == ("nothing was judged",)
    assert len(RED.wrong) == 3
    assert replace(GREEN, faults=(fault(PLAINTEXT),)).wrong != ()
    assert replace(GREEN, judgements=(judgement(EDGES, ok=False),)).wrong == (f"test_refusal: {EDGES}: answered: 12",)


def test_a_verdict_that_the_record_does_not_know_goes_by_its_id() -> None:
    assert GREEN.title(EDGES.id) == str(EDGES)
    assert EMPTY.title(EDGES.id) == EDGES.id
