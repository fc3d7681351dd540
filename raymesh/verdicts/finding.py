"""What a verdict says: one finding for each thing that it was asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from raymesh.verdicts.catalog import Verdict

SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One condition, whether it holds, and on whose word. `about` is the pod or port that it is said of, if one."""

    verdict: Verdict
    ok: bool
    expected: str
    seen: str
    witness: str
    about: str = ""
    figures: Mapping[str, str | int | float] = field(default_factory=dict)

    def __str__(self) -> str:
        about = f" ({self.about})" if self.about else ""
        return (
            f"{'ok' if self.ok else 'FAILED'}: {self.verdict}{about}: "
            f"expected {self.expected}; {self.witness}: {self.seen}"
        )


Findings = tuple[Finding, ...]


def holds(findings: Sequence[Finding]) -> bool:
    """Whether every condition holds. No conditions: no."""
    return bool(findings) and all(finding.ok for finding in findings)


def red(findings: Iterable[Finding]) -> Findings:
    """Return those that do not hold."""
    return tuple(finding for finding in findings if not finding.ok)


def verdicts_of(findings: Iterable[Finding]) -> frozenset[Verdict]:
    """Return the verdicts that the findings are of."""
    return frozenset(finding.verdict for finding in findings)


def failures(findings: Sequence[Finding]) -> str:
    """Return what failed, one line each, as an assertion's message: expected, seen, by which witness."""
    if not findings:
        return "no findings at all: nothing was looked at"
    return "\n".join(str(finding) for finding in red(findings))


def some(things: Iterable[object], otherwise: str = "none") -> str:
    """List a few of many, and how many more there are."""
    texts = [str(thing) for thing in things]
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ("; ".join(texts[:SHOWN]) + more) or otherwise
