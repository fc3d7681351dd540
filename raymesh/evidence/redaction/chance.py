"""Words that nobody says: made by chance, as passwords and keys are."""

from __future__ import annotations

import re

SHORTEST, LONGEST = 10, 20  # letters: of what may be chance, and of what people still say without a dash
CONSONANTS = 5  # one after the other: no word of English, and nearly every random one of 20 letters
_RUN = re.compile(rf"[b-df-hj-np-tv-xz]{{{CONSONANTS},}}", re.IGNORECASE)
_MIXED = re.compile(r"[a-z][A-Z]+[a-z]")


def is_chance(word: str) -> bool:
    """Tell whether a word of letters and digits was made by chance: digits amid letters, or no way to say it."""
    if len(word) < SHORTEST or word.isdigit():
        return False
    digits = sum(char.isdigit() for char in word)
    if digits and word.rstrip("0123456789").isalpha() and digits < SHORTEST // 2:
        return _RUN.search(word) is not None  # a name with a number
    return bool(len(word) >= LONGEST or digits > 1 or _RUN.search(word) or len(_MIXED.findall(word)) > 2)  # noqa: PLR2004 - words in camel case
