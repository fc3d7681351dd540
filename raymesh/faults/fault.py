"""What a fault is: a deliberate break, as data, with exactly the verdicts that must turn red."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from raymesh.proof.bench import Bench
from raymesh.verdicts.catalog import Verdict
from raymesh.verdicts.finding import Findings

Break = Callable[[Bench], AbstractContextManager[object]]
"""Breaks something on entry, and mends it on exit; what it makes is registered for removal first."""
Look = Callable[[Bench], Findings]


@dataclass(frozen=True)
class Fault:
    """One deliberate break.

    `turns_red` are the verdicts that must turn red, all of them and no other. `looks` are asked besides those that
    judge a whole mesh, by name, for what is only judged where it is done (a job, the guide's tasks).
    """

    id: str  # family-what, never reused
    title: str  # what is broken, as a person would say it
    broken: Break
    turns_red: frozenset[Verdict]
    looks: Mapping[str, Look] = field(default_factory=dict)
    cuts: bool = False  # Ray's connections break with it or after it: its work starts anew when all is mended

    @property
    def family(self) -> str:
        return self.id.partition("-")[0]
