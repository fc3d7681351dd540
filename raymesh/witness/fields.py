"""Strict reading of JSON: every step knows its path, and what is not as expected is Unreadable."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from raymesh.errors import Unreadable

SHOWN_CHARS = 200


@dataclass(frozen=True)
class Field:
    """A value inside a witness' answer, and the path that leads to it."""

    value: Any
    path: str

    def unreadable(self, wanted: str) -> Unreadable:
        """Return the error that says what was wanted here and what was found."""
        return Unreadable(f"{self.path}: wants {wanted}, has {str(self.value)[:SHOWN_CHARS]!r}")

    def __getitem__(self, key: str) -> Field:
        found = self.find(key)
        if found is None:
            raise self.unreadable(f"an object with the key {key!r}")
        return found

    def find(self, key: str) -> Field | None:
        """Return the field under `key`, None where the writer left it out (or wrote null)."""
        value = self._is(dict, "an object").get(key)
        return None if value is None else Field(value, f"{self.path}.{key}")

    def items(self) -> list[Field]:
        return [Field(value, f"{self.path}[{i}]") for i, value in enumerate(self._is(list, "a list"))]

    def entries(self) -> dict[str, Field]:
        return {key: Field(value, f"{self.path}.{key}") for key, value in self._is(dict, "an object").items()}

    def text(self) -> str:
        return str(self._is(str, "a text"))

    def flag(self) -> bool:
        return bool(self._is(bool, "true or false"))

    def integer(self) -> int:
        """Read a whole number; protocol buffers write a 64-bit one as text."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        if isinstance(self.value, str) and self.value.removeprefix("-").isdecimal():
            return int(self.value)
        raise self.unreadable("a whole number")

    def number(self) -> float:
        """Read a finite number, written as such or as text."""
        try:
            number = math.nan if isinstance(self.value, bool) else float(self.value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise self.unreadable("a number")
        return number

    def one_of(self, words: Collection[str]) -> str:
        if self.text() not in words:
            raise self.unreadable(f"one of {sorted(words)}")
        return self.text()

    def _is(self, kind: type, wanted: str) -> Any:
        if not isinstance(self.value, kind):
            raise self.unreadable(wanted)
        return self.value


def read_json(text: str, what: str) -> Field:
    """Parse an answer; `what` names the witness and starts every path. Raises Unreadable where it is no JSON."""
    try:
        return Field(json.loads(text), what)
    except json.JSONDecodeError as error:
        raise Unreadable(f"{what}: wants JSON ({error}), has {text[:SHOWN_CHARS]!r}") from None


def optional_text(field: Field, key: str) -> str:
    """Read a text that the writer leaves out when it is empty."""
    found = field.find(key)
    return found.text() if found else ""


def optional_flag(field: Field, key: str) -> bool:
    """Read a flag that the writer leaves out when it is false."""
    found = field.find(key)
    return found.flag() if found else False


def optional_items(field: Field, key: str) -> list[Field]:
    """Read a list that the writer leaves out, or writes as null, when it is empty."""
    found = field.find(key)
    return found.items() if found else []
