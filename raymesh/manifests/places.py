"""Positions in files, edits of them, and what could not be read at all."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """A position in a file, counted from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{shown(self.path)}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Edit:
    """Replace the characters from `start` to `end` of a file's text."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Unread:
    """Something that could not be read, where, and why."""

    place: Place
    message: str
    ours: bool = True  # False where it was read enough to know that nothing of Ray or a mesh is in it

    def __str__(self) -> str:
        return f"{self.place}: {shown(self.message)}"


# What steers a terminal, begins a line (and with it a command of a CI log), turns the direction of writing round, or
# is half of a character, as in a file name that is not UTF-8.
_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def shown(text: str, keep: str = "") -> str:
    """Text of a manifest or a path as it may be printed: what is no plain character stands there escaped."""
    return _STEERS.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
