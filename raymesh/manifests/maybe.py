"""Logic with three answers: yes, no, and what the input does not say (None)."""

from __future__ import annotations

from collections.abc import Iterable

Maybe = bool | None


def every(answers: Iterable[Maybe]) -> Maybe:
    """No if one is no; yes if all are yes; of nothing, yes."""
    told: Maybe = True
    for answer in answers:
        if answer is False:
            return False
        told = None if answer is None else told
    return told


def some(answers: Iterable[Maybe]) -> Maybe:
    """Yes if one is yes; no if all are no; of nothing, no."""
    told: Maybe = False
    for answer in answers:
        if answer is True:
            return True
        told = None if answer is None else told
    return told


def opposite(answer: Maybe) -> Maybe:
    """No for yes, yes for no."""
    return None if answer is None else not answer
