"""What is asked for, and the reason for each verdict that is not: nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from raymesh.proof.asking import FAMILIES, looks_left, may_be_done, not_asked, verdicts_of_look
from raymesh.proof.looks import WITNESSES
from raymesh.settings import load_settings
from raymesh.verdicts.catalog import (
    ANSWERS,
    EVERY_CALL,
    GUIDE,
    HELD,
    JOB,
    OWN_JOB,
    PLAINTEXT_REFUSED,
    REGISTERED,
    SERVED,
    VERDICTS,
    VERSIONS,
    WORKED,
    Verdict,
)

BORROWED = {"context": "staging", "subject": "mine.yaml"}
RUNNING = {"context": "staging", "running": "team-a/ray"}


def reasons(given: Mapping[str, str]) -> dict[Verdict, str]:
    return not_asked(load_settings(given.get, {}))


def test_each_verdict_belongs_to_one_look() -> None:
    of = {look: verdicts_of_look(look) for look in FAMILIES}
    every = [verdict for verdicts in of.values() for verdict in verdicts]
    assert len(every) == len(set(every))
    assert set(every) == set(VERDICTS.values()) - {HELD, ANSWERS}
    assert set(WITNESSES) <= set(FAMILIES)


def test_the_guide_on_a_cluster_made_here_is_asked_everything() -> None:
    assert reasons({}) == {
        OWN_JOB: "the subject is a RayCluster, not a RayJob",
        SERVED: "the subject is a RayCluster, not a RayService",
    }
    assert looks_left(reasons({})) == set(FAMILIES) - {"end", "serve"}
    assert may_be_done(load_settings({}.get, {})) == {"steps", "faults", "guide's faults"}  # type: ignore[arg-type]  # a dict's own get


@pytest.mark.parametrize(("kind", "verdict"), [("RayJob", OWN_JOB), ("RayService", SERVED)])
def test_what_a_subject_is_there_for_is_asked_unless_it_only_is_looked_at(kind: str, verdict: Verdict) -> None:
    found = not_asked(load_settings(BORROWED.get, {}), kind)
    assert verdict not in found
    assert {OWN_JOB, SERVED} - {verdict} <= set(found)
    assert "is its owner's" in not_asked(load_settings(RUNNING.get, {}), kind)[verdict]


@pytest.mark.parametrize("given", [{"subject": "mine.yaml"}, BORROWED, RUNNING])
def test_no_fault_is_made_where_its_numbers_are_not_the_guides(given: dict[str, str]) -> None:
    assert not may_be_done(load_settings(given.get, {})) & {"faults", "guide's faults"}
    allowed = load_settings((given | {"faults-allowed": "team-a"}).get, {})
    assert may_be_done(allowed) & {"faults", "guide's faults"} == {"faults"}
    assert GUIDE in reasons(given)


@pytest.mark.parametrize(("witness", "family"), [("kiali", "V2"), ("jaeger", "V7"), ("prometheus", "V3")])
def test_a_witness_that_a_cluster_has_not_takes_its_verdicts_with_it(witness: str, family: str) -> None:
    found = reasons(BORROWED | {"without": witness})
    mine = {verdict for verdict in VERDICTS.values() if verdict.id.startswith(family)}
    assert mine <= set(found)
    assert all(found[verdict].startswith(f"--without {witness}") for verdict in mine)
    assert VERSIONS in found
    assert PLAINTEXT_REFUSED not in found


def test_who_only_looks_does_not_knock_and_submits_no_job() -> None:
    found = reasons(RUNNING)
    assert {PLAINTEXT_REFUSED, JOB} <= set(found)
    assert not {WORKED, REGISTERED, EVERY_CALL} & set(found)
    assert "refusal" not in looks_left(found)
    assert not may_be_done(load_settings(RUNNING.get, {}))


def test_without_traffic_nothing_is_asked_that_only_work_shows() -> None:
    found = reasons(RUNNING | {"no-traffic": "yes"})
    assert {WORKED, REGISTERED, EVERY_CALL} <= set(found)
    assert {"platform", "kiali", "prometheus", "sidecars", "ports", "traces"} <= looks_left(found)
    assert "work" not in looks_left(found)


def test_where_plaintext_is_let_in_on_purpose_nothing_is_called_safe() -> None:
    found = reasons(BORROWED | {"expect": "permissive"})
    assert "nothing here is called safe" in found[PLAINTEXT_REFUSED]
