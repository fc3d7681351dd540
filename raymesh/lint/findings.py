"""What the linter says: findings, each at a place, some with the edits that cure it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How much a finding matters; `--fail-on` compares it."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


UNREADABLE = "RM000"


@dataclass(frozen=True, order=True)
class Place:
    """A position in a file, counted from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Edit:
    """Replace the characters from `start` to `end` of a file's text."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
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
