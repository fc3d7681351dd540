"""Recordings: what an audit leaves as data, and when a fresh one contradicts it."""

from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.audit.model import Crossing, Listener
from raymesh.audit.recordings import add, disagreements, load, recorded_versions, save, summarize
from raymesh.errors import UsageError
from raymesh.ports import contract
from tests.unit.audit.audits import clean

CONTRACT = contract("2.10.0")
FRESH = summarize(clean(), CONTRACT)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """The file holds all of it."""
    save(FRESH, tmp_path)
    assert load("2.10.0", tmp_path) == FRESH
    assert recorded_versions(tmp_path) == ["2.10.0"]


def test_random_numbers_and_the_choice_of_worker_ports_are_left_out() -> None:
    """Two runs never agree on them."""
    other = tuple(
        replace(one, number={40001: 51111, 10002: 10007}.get(one.number, one.number)) for one in clean().listeners
    )
    assert disagreements(summarize(replace(clean(), listeners=other), CONTRACT), FRESH) == []


def test_a_new_listener_contradicts() -> None:
    """Control."""
    extra = Listener("worker", 8404, "all", "haproxy", "http")
    found = disagreements(summarize(replace(clean(), listeners=(*clean().listeners, extra)), CONTRACT), FRESH)
    assert len(found) == 1
    assert "8404" in found[0]


def test_another_binding_contradicts_twice() -> None:
    """Control: the old fact is gone, the new one was never seen."""
    changed = tuple(replace(one, bind="node") if one.number == 6380 else one for one in clean().listeners)
    assert len(disagreements(summarize(replace(clean(), listeners=changed), CONTRACT), FRESH)) == 4


def test_lost_and_new_crossings_contradict() -> None:
    """Control."""
    moved = (Crossing("head->worker", 6381, True, ()), clean().crossings[1])
    assert len(disagreements(summarize(replace(clean(), crossings=moved), CONTRACT), FRESH)) == 2


def test_what_only_some_runs_saw_may_be_missing() -> None:
    """A crossing that happens now and then is recorded as such."""
    extra = Crossing("worker->head", 40001, True, ())
    two = add(FRESH, summarize(replace(clean(), crossings=(*clean().crossings, extra)), CONTRACT))
    assert two.runs == 2
    assert disagreements(FRESH, two) == []


def test_flags_contradict() -> None:
    """Control: one more, one less; and they are never added to a recording of another build."""
    other = replace(FRESH, flags={"--head": "shown", "--new": "shown"})
    assert disagreements(other, FRESH) == ["flag --new is new", "flag --system-config is gone"]
    with pytest.raises(UsageError):
        add(FRESH, other)


def test_left_out_ports_are_not_missed() -> None:
    """An audit without Serve does not open Serve's ports."""
    extra = Listener("head", 8000, "all", "serve proxy", "http")
    serve = contract("2.10.0", serve=True)
    kept = summarize(replace(clean(), listeners=(*clean().listeners, extra)), serve)
    assert disagreements(FRESH, kept, ["serve-port"]) == []
    assert disagreements(FRESH, kept) != []


def test_an_unrecorded_version_is_refused_with_the_choice() -> None:
    """The text says which versions there are."""
    with pytest.raises(UsageError, match=r"2\.10\.0"):
        load("1.0.0")
