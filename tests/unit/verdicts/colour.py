"""How the tests of verdicts look at findings."""

from __future__ import annotations

from collections.abc import Sequence

from raymesh.verdicts.catalog import Verdict
from raymesh.verdicts.finding import Finding, holds, verdicts_of
from raymesh.verdicts.finding import red as not_holding


def red(findings: Sequence[Finding]) -> set[Verdict]:
    """Return the verdicts that do not hold; there must be findings, at most one a verdict and what it is about."""
    assert findings
    assert len({(f.verdict, f.about) for f in findings}) == len(findings)
    assert holds(findings) == all(f.ok for f in findings)
    return set(verdicts_of(not_holding(findings)))


def red_of(findings: Sequence[Finding]) -> set[tuple[Verdict, str]]:
    """Return the verdicts that do not hold, each with the pod that it is said of."""
    red(findings)
    return {(f.verdict, f.about) for f in not_holding(findings)}
