"""The matrix: every fault a row, every verdict a column, and what no fault turned red is there to be seen."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from raymesh.errors import UsageError
from raymesh.evidence.matrix import AS_NAMED, NOT_NAMED, NOTHING, STAYED_GREEN, columns, families, page
from raymesh.evidence.record import Record
from raymesh.verdicts import catalog
from raymesh.verdicts.catalog import VERDICTS
from tests.unit.evidence.records import CHAINS, EDGES, EMPTY, GREEN, PLAINTEXT, RECORDS, fault

FAULTS = (
    fault(PLAINTEXT, CHAINS),
    fault(catalog.UDP, expected=(catalog.UDP,), fault="udp", family="ports"),
    fault(PLAINTEXT, EDGES, fault="deleted"),
)
MATRIX = replace(GREEN, faults=FAULTS)


def rows_of(record: Record) -> dict[str, dict[str, str]]:
    """Read the matrix out of the page: fault -> verdict -> cell."""
    lines = page([record]).partition("## Matrix")[2].partition("\n## ")[0].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head, _, *rows = table
    ids = [re.sub(r"\[(V\d+)\].*", r"\1", cell) for cell in head[1:]]
    return {row[0]: dict(zip(ids, row[1:], strict=True)) for row in rows}


def test_a_cell_says_what_a_fault_did_to_a_verdict() -> None:
    rows = rows_of(MATRIX)
    cells = {(name, id_): cell for name, row in rows.items() for id_, cell in row.items() if cell != NOTHING}
    assert cells == {
        ("permissive", PLAINTEXT.id): AS_NAMED,
        ("permissive", CHAINS.id): AS_NAMED,
        ("deleted", PLAINTEXT.id): AS_NAMED,
        ("deleted", CHAINS.id): STAYED_GREEN,
        ("deleted", EDGES.id): NOT_NAMED,
        ("udp", catalog.UDP.id): AS_NAMED,
    }


def test_faults_of_a_class_stand_together_and_every_verdict_has_its_column() -> None:
    rows = rows_of(MATRIX)
    assert list(rows) == ["**policy**", "permissive", "deleted", "**ports**", "udp"]
    assert all(list(row) == sorted(VERDICTS) for row in rows.values())


def test_empty_columns_are_named_except_the_excused() -> None:
    text = page([MATRIX])
    never = text.partition("## Turned red by no fault")[2].partition("\n## ")[0]
    named = set(re.findall(r"^- (V\d+) ", never, re.MULTILINE))
    assert named == set(VERDICTS) - {PLAINTEXT.id, CHAINS.id, catalog.UDP.id, catalog.HELD.id}
    excused = text.partition("## Excused")[2].partition("\n## ")[0]
    assert f"| {catalog.HELD} | it is about the looking |" in excused


def test_the_page_says_of_which_run_it_is() -> None:
    text = page([MATRIX])
    for row in (
        "| date | 2026-01-02 |",
        "| lane | seed |",
        "| the run | passed |",
        "| images, proxy | build, stock Envoy 9.9 |",
    ):
        assert row in text
    assert "2 of 3 faults turned red just what they name." in text


def test_each_fault_has_its_times_and_what_went_wrong() -> None:
    gone = fault(PLAINTEXT, seconds_to_red=None, seconds_to_green=None, problem="the deadline passed")
    assert "| permissive | PERMISSIVE in the namespace | V501 | never | never | FAILED the deadline passed |" in page(
        [replace(GREEN, faults=(gone,))]
    )


def test_of_a_fault_that_ran_again_the_last_run_is_shown_and_each_says_of_which_run_it_is() -> None:
    again = replace(MATRIX, started="2026-02-03T00:00:00Z", faults=(fault(PLAINTEXT, CHAINS, fault="deleted"),))
    text = page([MATRIX, again])
    assert "| date | 2026-01-02 | 2026-02-03 |" in text
    assert "| faults shown | 2 of 3 | 1 of 1 |" in text
    assert "| 2 | deleted |" in text
    assert "| 1 | udp |" in text
    assert text.count("deleted") == len(("matrix", "list"))


def test_runs_of_two_lanes_are_two_pages() -> None:
    assert MATRIX.lane is not None
    other = replace(MATRIX, lane=replace(MATRIX.lane, name="edge"))
    with pytest.raises(UsageError, match="different lanes"):
        page([MATRIX, other])


@pytest.mark.parametrize("record", [EMPTY, replace(GREEN, faults=())])
def test_a_record_without_faults_makes_no_page(record: Record) -> None:
    with pytest.raises(UsageError, match="no fault: run the faults"):
        page([record])


@given(RECORDS.filter(lambda record: bool(record.faults)))
def test_any_record_makes_tables_that_no_name_can_break(record: Record) -> None:
    tables = [block.splitlines() for block in page([record]).split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
    shown = page([record])
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "<" not in shown.replace("&#60;", "")
    rows = sum(len(runs) + 1 for _, runs in families(record))
    [matrix] = [table for table in tables if table[0].startswith("| fault | [V")] or [[]]
    assert len(matrix) == (rows + 2 if columns(record) else 0)
