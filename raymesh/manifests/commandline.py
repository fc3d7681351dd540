"""Reads the flags of a `ray start` that stands in a container's own command, as a shell would split it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from raymesh.frozen import frozen
from raymesh.ports.flags import FLAGS, SWITCHES

# KubeRay offers its own `ray start`, made of rayStartParams, in this variable.
GENERATED = "KUBERAY_GEN_RAY_START_CMD"
_START = re.compile(r"\bray\s+start\b")
_ENDS = ";|&\n)#"
_LONGEST = 65536


@frozen
class Started:
    """What a command starts: flags by name, and whether they are all of them."""

    flags: dict[str, str]
    whole: bool


def started(words: Sequence[str]) -> Started | None:
    """The flags of the first `ray start` in the words of a command; None if there is none to be seen."""
    for at, word in enumerate(words):
        if word.rpartition("/")[2] == "ray" and words[at + 1 : at + 2] == ["start"]:
            return _flags(list(words[at + 2 :]))
        found = _START.search(word[:_LONGEST])
        if found:
            return _flags(list(_split(word[found.end() : _LONGEST])))
    return None


def _flags(words: list[str]) -> Started:
    flags: dict[str, str] = {}
    whole = True
    while words:
        word = words.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            whole = whole and not word.startswith(("$", "`"))  # a variable may hold more flags
        elif equals:
            flags[name] = value
        elif name in SWITCHES or name not in FLAGS:
            flags[name] = "true"
        elif words:
            flags[name] = words.pop(0)
    return Started(flags, whole)


def _split(text: str) -> Iterator[str]:
    """The words up to the end of the command. Quotes are taken off, `$(...)` stays one word."""
    word: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if text.startswith("\\\n", at):
            at += 2
            continue
        if char in _ENDS and not (char == "#" and word):
            break
        if char.isspace():
            yield from _done(word)
            at += 1
            continue
        end = _end_of_piece(text, at)
        piece = text[at:end]
        word.append(piece[1:-1] if char in "'\"" and end - at > 1 else piece)
        at = end
    yield from _done(word)


def _done(word: list[str]) -> Iterator[str]:
    if word:
        yield "".join(word)
        word.clear()


def _end_of_piece(text: str, start: int) -> int:
    """Behind the character, the quoted piece, or the substitution that begins at `start`."""
    char = text[start]
    if char in "'\"`":
        end = text.find(char, start + 1)
        return len(text) if end < 0 else end + 1
    if char == "\\":
        return start + 2
    if not text.startswith("$(", start):
        return start + 1
    depth, at = 1, start + 2
    while at < len(text) and depth:
        if text[at] in "'\"":
            at = _end_of_piece(text, at)
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at
