"""The pages of the verdicts: all of the catalogue, whose word it takes, which faults turn it red; and up to date."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raymesh.faults.pages import FOLDER, current
from raymesh.verdicts import catalog
from raymesh.verdicts.catalog import VERDICTS, Verdict
from raymesh.verdicts.independence import not_independent_of, shared
from raymesh.verdicts.pages import FAMILIES, INDEX, apart, family_of, pages


@dataclass(frozen=True)
class Fault:
    id: str
    title: str
    family: str
    turns_red: frozenset[Verdict]


PERMISSIVE = Fault(
    "permissive", "PERMISSIVE in the namespace", "policy", frozenset({catalog.CHAINS, catalog.PLAINTEXT_REFUSED})
)
DELETED = Fault("deleted", "STRICT deleted", "policy", frozenset({catalog.CHAINS}))


def section(text: str, verdict: Verdict) -> str:
    return text.partition(f"## {verdict}".replace(verdict.id, f"{verdict.id}:", 1))[2].partition("\n## ")[0]


def test_the_pages_are_those_that_the_catalogue_makes() -> None:
    written = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert written == current(), "python -m raymesh.faults.pages"


def test_every_verdict_has_its_section_with_claim_and_witnesses() -> None:
    made = pages((), {})
    for verdict in VERDICTS.values():
        own = section(made[f"{family_of(verdict)}.md"], verdict)
        assert verdict.claim in own
        assert f"Witnesses: {', '.join(verdict.sources)}." in own
        assert verdict.hidden in own
        assert "Turned red by: no fault yet." in own


def test_a_family_without_a_title_can_not_be() -> None:
    assert {family_of(verdict) for verdict in VERDICTS.values()} == set(FAMILIES)


def test_a_section_names_the_faults_that_turn_it_red_or_the_reason_why_none_has_to() -> None:
    made = pages((PERMISSIVE, DELETED), {catalog.HELD: "it is about the looking"})
    assert "Turned red by: permissive (PERMISSIVE in the namespace); deleted (STRICT deleted).\n" in section(
        made["V4.md"], catalog.CHAINS
    )
    assert "Turned red by: permissive (PERMISSIVE in the namespace).\n" in section(
        made["V5.md"], catalog.PLAINTEXT_REFUSED
    )
    assert "no fault, with a reason: it is about the looking\n" in section(made["V0.md"], catalog.HELD)
    counts = dict(re.findall(r"^\| \[(V\d+)\].* (\d+) \|$", made[INDEX], re.MULTILINE))
    assert len(counts) == len(VERDICTS)
    assert {id_: count for id_, count in counts.items() if count != "0"} == {
        catalog.CHAINS.id: "2",
        catalog.PLAINTEXT_REFUSED.id: "1",
    }


def test_what_reads_the_same_source_is_said_to() -> None:
    common = shared(VERDICTS.values())
    assert set(common[catalog.PROMETHEUS]) == {catalog.KIALI, catalog.PROMETHEUS}
    assert {catalog.KIALI, catalog.PROMETHEUS, catalog.JAEGER, catalog.ENVOY} <= set(common[catalog.ENVOY])
    assert catalog.PROMETHEUS in not_independent_of(catalog.KIALI_MTLS, VERDICTS.values())
    assert catalog.KIALI not in not_independent_of(catalog.PLAINTEXT_REFUSED, VERDICTS.values())


def test_a_source_of_one_witness_alone_is_not_shared() -> None:
    mine = Verdict("V901", "mine", "it is", ("me", "my own notes"))
    yours = Verdict("V902", "yours", "it is", ("you", "the clock"))
    ours = Verdict("V903", "ours", "it is", ("we", "the clock"))
    assert shared([mine, yours, ours]) == {"the clock": ("we", "you")}
    assert not_independent_of(mine, [mine, yours, ours]) == ()
    assert not_independent_of(yours, [mine, yours, ours]) == ("we",)


def test_some_verdicts_on_mtls_read_neither_prometheus_nor_kiali() -> None:
    assert {catalog.CHAINS, catalog.PLAINTEXT_REFUSED, catalog.FOREIGN_REFUSED} <= set(apart())
    for verdict in apart():
        assert f"- [{verdict.id}](" in pages((), {})[INDEX].partition("neither Prometheus nor Kiali")[2]
