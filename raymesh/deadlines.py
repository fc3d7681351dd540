"""Deadlines: their classes in seconds, and the one factor by which every one is scaled where time is kept.

Who waits names a class, or its own seconds. Who keeps time (a program that is run, a poll, an HTTP request) scales
them.
"""

from __future__ import annotations

from dataclasses import dataclass

CALL = 10.0  # between two nodes of Ray that have nothing else to do
SHORT = 30.0  # an API call that should answer at once, or an object that appears by itself
EVIDENCE = 300.0  # traffic sent until a witness shows it: scrape interval, rate window and span flush together
READY = 300.0  # a pod that starts from an image that is already on the node
INSTALL = 600.0  # a cluster or a control plane that comes up, pulling what it needs


@dataclass
class _Scale:
    factor: float = 1.0
    scrapes: float = 0.0


_SCALE = _Scale()


def scale_by(factor: float) -> None:
    """Let every deadline of this process be `factor` times as long (--timeout-factor)."""
    _SCALE.factor = factor


def wait_for_evidence(seconds: float) -> None:
    """Let evidence come in so many seconds later, as a witness that is asked seldom needs it."""
    _SCALE.scrapes = seconds


def evidence() -> float:
    """Return the seconds within which evidence comes in."""
    return EVIDENCE + _SCALE.scrapes


def scaled(seconds: float) -> float:
    """Return the seconds that a deadline really has."""
    return seconds * _SCALE.factor
