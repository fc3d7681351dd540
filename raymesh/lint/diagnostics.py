"""What the linter says: findings, each at a place, some with the edits that cure it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from raymesh.frozen import frozen
from raymesh.manifests.places import Edit, Place, Unread


class Severity(IntEnum):
    """How much a finding matters; `--fail-on` and `--show` compare it."""

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
    resource: str = ""  # Kind/namespace/name of the object that it stands in
    origin: str = ""  # the template that the object was rendered from, where the input says so
    piped: bool = False  # what it stands in is no file: its origin is the file to look at

    @property
    def unreadable(self) -> bool:
        """Whether this says that something of ours could not be read."""
        return self.rule == UNREADABLE and self.severity is Severity.ERROR


@frozen
class Suppressed:
    """A finding that somebody put aside, how (comment, annotation, config, baseline) and why."""

    finding: Diagnostic
    by: str
    reason: str


def unreadable(unread: Unread) -> Diagnostic:
    """Return what could not be read as a diagnostic of rule RM000; a note where it holds nothing of ours."""
    severity = Severity.ERROR if unread.ours else Severity.NOTE
    message = unread.message if unread.ours else f"{unread.message}; nothing of Ray or a mesh is named in it"
    return Diagnostic(UNREADABLE, severity, unread.place, message)
