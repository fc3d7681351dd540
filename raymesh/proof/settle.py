"""Looks, asked until they are green several times in a row, or until just what a fault breaks is red."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

from raymesh.errors import WaitTimeout
from raymesh.verdicts.catalog import ANSWERS, HELD, Verdict
from raymesh.verdicts.finding import Finding, Findings, failures, holds, red, some, verdicts_of
from raymesh.waiting import wait_for
from raymesh.witness.http import SILENT

LOG = logging.getLogger(__name__)
WITNESS = "raymesh"
EVERY_SECONDS = 1.0  # between two looks

Look = Callable[[], Findings]
"""One read of the witnesses and its verdicts. Raises one of SILENT where a witness says nothing just now."""


def asked(looks: Sequence[Look]) -> Findings:
    """Ask each look once."""
    return tuple(finding for look in looks for finding in look())


def until_green(
    what: str,
    looks: Sequence[Look],
    *,
    within: float,
    stable: int = 1,
    every: float = EVERY_SECONDS,
    told: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Ask until all is green `stable` times in a row, and return the last findings; `told` hears what is red now.

    A deadline (`within`, seconds) that passes before that is red and says so, whatever the last look saw: what was seen
    before a witness fell silent is forgotten.
    """
    last: Findings = ()
    streak = 0

    def attempt() -> Findings:
        nonlocal last, streak
        last, before, streak = (), streak, 0
        try:
            last = asked(looks)
        except SILENT:
            told("a witness does not answer")
            raise
        streak = before + 1 if holds(last) else 0
        told("" if streak else f"red now: {some(sorted(verdict.id for verdict in verdicts_of(red(last))))}")
        if not streak:
            LOG.info("%s, not yet: %s", what, failures(last))
        return last

    try:
        return wait_for(what, attempt, until=holds, within=within, every=every, stable=stable, transient=SILENT)
    except WaitTimeout as timeout:
        return (*last, _not_held(streak, stable, within, timeout) if last else _no_answer(within, timeout))


class OtherwiseRed(WaitTimeout):
    """Not just the verdicts that were waited for are red; `found` is what was red at last."""

    def __init__(self, text: str, found: Findings) -> None:
        super().__init__(text)
        self.found = found


def until_red(
    what: str,
    looks: Sequence[Look],
    just: Collection[Verdict],
    *,
    within: float,
    stable: int = 1,
    every: float = EVERY_SECONDS,
) -> Findings:
    """Ask until just these verdicts are red, `stable` times in a row, and return what is red.

    A witness that is silent is red, too. Raises OtherwiseRed that says which were not, and which others were.
    """
    wanted = frozenset(just)
    last: Findings = ()

    def attempt() -> Findings:
        nonlocal last
        last = red([finding for look in looks for finding in _answered(look)])
        LOG.info("%s: red now: %s", what, sorted(verdict.id for verdict in verdicts_of(last)))
        return last

    try:
        return wait_for(
            what, attempt, until=lambda found: verdicts_of(found) == wanted, within=within, stable=stable, every=every
        )
    except WaitTimeout:
        seen = verdicts_of(last)
        raise OtherwiseRed(
            f"{what}: not red just by {some(sorted(wanted))} in {within:g} s; "
            f"still green: {some(sorted(wanted - seen))}; red as well: {some(sorted(seen - wanted))}\n{failures(last)}",
            last,
        ) from None


def _answered(look: Look) -> Findings:
    try:
        return look()
    except SILENT as error:
        return silence(error)


def silence(error: Exception) -> Findings:
    """Return the finding that says that a witness did not answer."""
    return (_no_answer(0, error),)


def _not_held(streak: int, stable: int, within: float, timeout: Exception) -> Finding:
    return Finding(
        HELD,
        ok=False,
        expected=f"green {stable} times in a row within {within:g} s",
        seen=f"{streak} times when the time was over: {timeout}" if streak else "red when the time was over",
        witness=WITNESS,
    )


def _no_answer(within: float, error: Exception) -> Finding:
    return Finding(ANSWERS, ok=False, expected=f"answers within {within:g} s", seen=str(error), witness=WITNESS)
