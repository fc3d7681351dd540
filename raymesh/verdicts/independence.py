"""Which witnesses do not speak for themselves alone: read from the sources that the catalogue gives each verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raymesh.verdicts.catalog import Verdict


def shared(verdicts: Iterable[Verdict]) -> Mapping[str, tuple[str, ...]]:
    """Return each source that verdicts of more than one witness take their word from, with those witnesses.

    A verdict's witness is its first source.
    """
    by_source: dict[str, set[str]] = {}
    for verdict in verdicts:
        for source in verdict.sources:
            by_source.setdefault(source, set()).add(verdict.sources[0])
    return {source: tuple(sorted(who)) for source, who in sorted(by_source.items()) if len(who) > 1}


def not_independent_of(verdict: Verdict, verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Return the other witnesses with a verdict that takes its word from one of this verdict's sources."""
    by_source = shared(verdicts)
    others = {witness for source in verdict.sources for witness in by_source.get(source, ())}
    return tuple(sorted(others - {verdict.sources[0]}))
