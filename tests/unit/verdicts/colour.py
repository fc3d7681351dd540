"""How the tests of verdicts look at findings."""

from __future__ import annotations

from collections.abc import Sequence

from raymesh.verdicts import Finding, holds
from raymesh.verdicts.finding import names
from raymesh.verdicts.finding import red as not_holding


def red(findings: Sequence[Finding]) -> set[str]:
    """Return the names of the verdicts that do not hold; there must be findings, with unique names per witness."""
    assert findings
    assert len({(f.verdict, f.witness) for f in findings}) == len(findings)
    assert holds(findings) == all(f.ok for f in findings)
    return names(not_holding(findings))
