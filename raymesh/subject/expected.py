"""What a subject that is broken on purpose says of itself: which verdicts have to be red, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from raymesh.subject.wanted import Wanted

TURNS_RED, BECAUSE = "proof.raymesh/turns-red", "proof.raymesh/because"


def expected_red(wanted: Wanted) -> frozenset[str]:
    """Return the ids of the verdicts that its annotation names; none of a subject that is to be green."""
    told = [doc["metadata"].get("annotations") or {} for doc in wanted.docs]
    return frozenset(id_ for annotations in told for id_ in str(annotations.get(TURNS_RED, "")).split())


def compared(expected: Collection[str], judged: Mapping[str, bool]) -> str:
    """Return in a line whether just the expected verdicts are red; empty where none is expected to be.

    `judged` says of each verdict that was asked whether it is green.
    """
    if not expected:
        return ""
    red = {id_ for id_, ok in judged.items() if not ok}
    if red == set(expected):
        return f"red is just what {TURNS_RED} names: {', '.join(sorted(red))}"
    parts = (
        ("as named", red & set(expected)),
        ("named and green", (set(expected) & judged.keys()) - red),
        ("named and not asked", set(expected) - judged.keys()),
        ("red as well", red - set(expected)),
    )
    told = "; ".join(f"{what}: {', '.join(sorted(ids))}" for what, ids in parts if ids)
    return f"red is not just what {TURNS_RED} names: {told}"
