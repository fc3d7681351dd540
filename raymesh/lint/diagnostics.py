"""What the linter says: findings, each at a place, some with the edits that cure it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from raymesh.manifests.places import Edit, Place, Unread


class Severity(IntEnum):
    """How much a finding matters; `--fail-on` compares it."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


UNREADABLE = "RM000"


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong, where, and what cures it."""

    rule: str
    severity: Severity
    place: Place
    message: str
    fix: str = ""
    edits: tuple[Edit, ...] = ()

    @property
    def unreadable(self) -> bool:
        """Whether this says that a document could not be read at all."""
        return self.rule == UNREADABLE


def unreadable(unread: Unread) -> Diagnostic:
    """Return what could not be read as a diagnostic of rule RM000."""
    return Diagnostic(UNREADABLE, Severity.ERROR, unread.place, unread.message)
