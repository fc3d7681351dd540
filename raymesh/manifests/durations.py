"""Durations as Go writes them: 300ms, 1m30s, 1.5h (time.ParseDuration)."""

from __future__ import annotations

import re

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_WHOLE, _EACH = re.compile(rf"([-+]?)((?:{_PART})+|0)"), re.compile(_PART)
_MOST = 2**63 - 1  # what Go's time.Duration holds


def nanoseconds(text: str) -> int | None:
    """How long it is, None for what is no duration: a number without a unit, a day, 300 years."""
    found = _WHOLE.fullmatch(text)
    if found is None or len(text) > len("-") + 3 * len(str(_MOST)):
        return None
    total = 0
    for number, unit in _EACH.findall(found[2]):
        whole, _, part = number.partition(".")
        total += int(whole or 0) * _NANOSECONDS[unit] + int(part or 0) * _NANOSECONDS[unit] // 10 ** len(part)
    if total > _MOST:
        return None
    return -total if found[1] == "-" else total
