"""What changed from one record to another, as far as a reader of the newer one wants to know it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raymesh.evidence.record import Record

NOTHING = "-"


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was."""

    what: str
    before: str
    now: str
    worse: bool


def changes(before: Record, now: Record) -> tuple[Change, ...]:
    """Return what differs: how the run ended, what was run, each verdict's state, each fault's outcome."""
    pairs = [
        ("how it ended", {"": before.status}, {"": now.status}, {"passed"}),
        ("version of", _versions(before), _versions(now), None),
        ("verdict", _states(before), _states(now), {"green", "not asked"}),
        ("fault", _faults(before), _faults(now), {"ok"}),
    ]
    found = []
    for what, old, new, good in pairs:
        for key in sorted(old.keys() | new.keys()):
            was, is_ = old.get(key, NOTHING), new.get(key, NOTHING)
            if was != is_:
                worse = good is not None and is_ not in (*good, NOTHING)
                found.append(Change(f"{what} {key}".strip(), was, is_, worse))
    return tuple(found)


def _versions(record: Record) -> Mapping[str, str]:
    return {f"{one.program} {one.where}".strip(): one.version for one in record.versions if not one.where}


def _states(record: Record) -> Mapping[str, str]:
    red = {one.verdict for one in record.judgements if not one.ok}
    states = dict.fromkeys(record.not_asked, "not asked") | {one.verdict: "green" for one in record.judgements}
    return {record.title(id_): "red" if id_ in red else state for id_, state in states.items()}


def _faults(record: Record) -> Mapping[str, str]:
    return {run.fault: "ok" if run.ok else "FAILED" for run in record.faults}
