"""Namespaces on a borrowed cluster: whose they are, and when they may be taken for left behind."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime, timedelta

from raymesh.machine import ownership
from raymesh.platform.spaces import Space, name_for
from raymesh.settings import NAME

LATER, BEFORE = (datetime.now(UTC) + timedelta(minutes=sign) for sign in (60, -1))


def owner(host: str, pid: int, started: str, namespace: int) -> str:
    return f"{host} {pid} {started} {namespace}"


def own(**changed: object) -> str:
    words = {
        "host": platform.node(),
        "pid": os.getpid(),
        "started": ownership.started(os.getpid()),
        "namespace": ownership.namespace(),
    }
    return owner(**(words | changed))  # type: ignore[arg-type]  # words of the same kinds


def test_a_living_runs_namespace_is_not_stale() -> None:
    assert not Space("x", own(), LATER).stale


def test_one_of_a_process_that_is_gone_is() -> None:
    assert Space("x", own(started="1"), LATER).stale


def test_who_lives_on_another_machine_can_not_be_asked_and_has_its_time() -> None:
    elsewhere = own(host="elsewhere", started="1")
    assert not Space("x", elsewhere, LATER).stale
    assert Space("x", elsewhere, BEFORE).stale


def test_neither_can_who_lives_in_another_process_namespace() -> None:
    assert not Space("x", own(namespace=1, started="1"), LATER).stale


def test_an_owner_that_nobody_can_read_has_its_time() -> None:
    assert not Space("x", f"{platform.node()} hand-made", LATER).stale
    assert Space("x", "", BEFORE).stale


def test_a_subject_of_the_default_namespace_gets_one_of_its_own_each_time() -> None:
    first, second = name_for("default", "ray"), name_for("default", "ray")
    assert first != second
    assert all(NAME.fullmatch(name) and len(name) <= 63 for name in (first, name_for("default", "a" * 63)))
    assert name_for("team-a", "ray") == "team-a"
