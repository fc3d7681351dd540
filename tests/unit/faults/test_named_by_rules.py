"""Faults that pages of the linter's rules name are there, and a rule that claims a cluster's word names one."""

from __future__ import annotations

import pytest

from raymesh.faults.registry import FAULTS
from raymesh.lint.catalog import faults, page
from raymesh.lint.registry import all_rules

IDS = {fault.id for fault in FAULTS}
NAMING = [rule for rule in all_rules() if "\nFaults:" in page(rule)]


@pytest.mark.parametrize("rule", NAMING)
def test_the_faults_of_a_page_are_there(rule: str) -> None:
    named = faults(rule)
    assert named
    assert set(named) <= IDS
    assert len(set(named)) == len(named)


def test_what_was_measured_on_a_cluster_is_tied_to_a_fault() -> None:
    claiming = {rule for rule in all_rules() if "measured on a cluster" in page(rule).lower()}
    assert claiming
    assert claiming <= set(NAMING)
