"""The registry: each verdict of the catalogue is turned red by a fault, or it says why not."""

from __future__ import annotations

from raymesh.faults.registry import BESIDE, CUTTING, EXCUSED, FAULTS
from raymesh.verdicts.catalog import VERDICTS

RED = frozenset().union(*(fault.turns_red for fault in FAULTS))


def test_ids_are_unique() -> None:
    ids = [fault.id for fault in FAULTS]
    assert len(set(ids)) == len(ids) > 0


def test_every_fault_turns_something_red() -> None:
    assert [fault.id for fault in FAULTS if not fault.turns_red] == []


def test_every_verdict_is_turned_red_or_excused() -> None:
    assert sorted(set(VERDICTS.values()) - RED - set(EXCUSED)) == []


def test_who_is_excused_is_turned_red_by_nobody_and_says_why() -> None:
    assert RED & set(EXCUSED) == set()
    assert all(EXCUSED.values())


def test_nothing_is_named_that_the_catalogue_does_not_have() -> None:
    assert (RED | set(EXCUSED)) - set(VERDICTS.values()) == set()


def test_those_that_stand_for_all_are_among_them() -> None:
    few = (*BESIDE, *CUTTING)
    assert {fault.id for fault in few} <= {fault.id for fault in FAULTS}
    assert {fault.family for fault in few} == {"ports", "telemetry", "policy"}
    assert not any(fault.cuts for fault in BESIDE)
