"""What a subject that is broken on purpose says of itself: which verdicts have to be red, and why."""

from __future__ import annotations

from raymesh.subject.wanted import Wanted

TURNS_RED, BECAUSE = "proof.raymesh/turns-red", "proof.raymesh/because"


def expected_red(wanted: Wanted) -> frozenset[str]:
    """Return the ids of the verdicts that its annotation names; none of a subject that is to be green."""
    told = [doc["metadata"].get("annotations") or {} for doc in wanted.docs]
    return frozenset(id_ for annotations in told for id_ in str(annotations.get(TURNS_RED, "")).split())
