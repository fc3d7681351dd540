"""The compatibility table: a row for each combination that a run proved, the last run of each, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raymesh.commands.main import main
from raymesh.errors import UsageError
from raymesh.evidence.compatibility import PROGRAMS, page
from raymesh.evidence.record import Record, VersionSeen, read
from raymesh.paths import ROOT
from tests.unit.evidence.records import EMPTY, GREEN, RED


def with_versions(record: Record, **seen: str) -> Record:
    versions = dict.fromkeys(PROGRAMS.values(), "1.0") | {k.replace("_", "-"): v for k, v in seen.items()}
    return replace(record, versions=tuple(VersionSeen(program, version, "") for program, version in versions.items()))


def rows(text: str, heading: str) -> list[dict[str, str]]:
    lines = text.partition(f"## {heading}\n")[2].partition("\n## ")[0].splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [dict(zip(table[0], row, strict=True)) for row in table[2:]] if table else []


def test_a_row_says_what_was_proven_when_by_which_proxy_and_from_where() -> None:
    [row] = rows(page({"a": with_versions(GREEN, istiod="1.2.4", ray="2.10.0")}), "Proven")
    assert row == {
        "lane": "seed",
        "date": "2026-01-02",
        "images": "build",
        "proxy": "stock Envoy 9.9",
        **dict.fromkeys(PROGRAMS, "1.0"),
        "Istio": "1.2.4 (for 1.2.3)",
        "Ray": "2.10.0",
        "verdicts": f"{len(GREEN.judged)} green, 1 faults",
    }


def test_the_last_run_of_a_row_counts_and_another_version_is_another_row() -> None:
    later = replace(with_versions(RED), started="2026-02-02T03:04:05Z")
    text = page({"a": with_versions(GREEN), "b": later, "c": with_versions(GREEN, ray="3")})
    assert [row["Ray"] for row in rows(text, "Proven")] == ["3"]
    assert [(row["date"], "V204" in row["why"]) for row in rows(text, "Ran, and did not pass")] == [
        ("2026-02-02", any(one.verdict == "V204" and not one.ok for one in RED.judgements))
    ]


def test_one_program_set_or_an_image_given_is_a_row_of_its_own() -> None:
    told = replace(with_versions(GREEN), options={"lane": "seed", "set": "kuberay=1.5.1", "image": "ray=a:1"})
    assert [row["lane"] for row in rows(page({"a": with_versions(GREEN), "b": told}), "Proven")] == [
        "seed",
        "seed, kuberay=1.5.1, ray=a:1",
    ]


@pytest.mark.parametrize("status", ["incomplete", "interrupted"])
def test_a_run_that_did_not_end_is_no_row(status: str) -> None:
    with pytest.raises(UsageError, match=rf"a\.json: a run that is {status}.*proves nothing: run it again"):
        page({"a.json": replace(GREEN, status=status)})  # type: ignore[arg-type]  # a word of its kind


def test_nothing_makes_no_table() -> None:
    with pytest.raises(UsageError, match="no record"):
        page({})
    with pytest.raises(UsageError, match="with 0 findings, proves nothing"):
        page({"a": replace(EMPTY, status="passed")})


def test_what_others_send_stays_text() -> None:
    text = page({"a": with_versions(GREEN, ray="<script>|`x`")})
    assert "<script>" not in text
    assert len(rows(text, "Proven")) == 1


def test_a_record_of_another_schema_is_refused_with_the_cure(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"  # type: ignore[operator]  # a path
    path.write_text('{"schema": 2}')
    assert main(["matrix", str(path)]) == 3
    assert "has schema version 2, and this raymesh reads version 1: read it with the raymesh" in capsys.readouterr().err


def test_the_page_is_what_the_committed_records_say() -> None:
    records = {path.name: read(path) for path in sorted((ROOT / "records").glob("*.json"))}
    assert page(records) == (ROOT / "docs" / "compatibility.md").read_text(), (
        "raymesh matrix records/*.json > docs/compatibility.md"
    )
