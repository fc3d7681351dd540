"""An audit as text for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from raymesh.audit.judge import Deviation, label
from raymesh.audit.model import Audit
from raymesh.ports import Contract
from raymesh.ports.model import Role


def as_json(audit: Audit, findings: Sequence[Deviation]) -> str:
    """The audit and its findings as one JSON object."""
    data = asdict(audit) | {"random": [audit.random.start, audit.random.stop - 1]}
    return json.dumps(data | {"findings": [asdict(finding) for finding in findings]}, indent=2)


def as_text(audit: Audit, findings: Sequence[Deviation], contract: Contract) -> str:
    """The audit as tables, the findings last."""
    parts = [f"Ray {audit.ray}: {audit.power}, {audit.seconds:g} s, peak memory {audit.peak_megabytes} MB"]
    parts += [*contract.notes]
    if audit.listeners:
        parts += ["", table(("host", "port", "name", "bind", "speaks", "process"), _listener_rows(audit, contract))]
    if audit.crossings:
        parts += ["", table(("crossed", "port", "name", "answered", "by"), _crossing_rows(audit, contract))]
    if audit.steps:
        rows = [(s.step, "ok" if s.ok else "FAILED", f"{s.seconds:g} s", s.detail.splitlines()[0]) for s in audit.steps]
        parts += ["", table(("work", "", "took", "detail"), rows)]
    parts += ["", findings_text(findings)]
    return "\n".join(parts)


def findings_text(findings: Sequence[Deviation]) -> str:
    """One line a finding."""
    if not findings:
        return "no findings: what real Ray opened is what the contract says"
    return "\n".join([f"{len(findings)} findings:", *(f"  {one.kind} {one.subject}: {one.text}" for one in findings)])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
    return "\n".join(line.rstrip() for line in lines)


def _listener_rows(audit: Audit, contract: Contract) -> list[tuple[str, ...]]:
    return [
        (one.role, str(one.number), label(one.number, one.role, audit, contract), one.bind, one.speaks, one.process)
        for one in audit.listeners
    ]


def _crossing_rows(audit: Audit, contract: Contract) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for one in audit.crossings:
        server: Role = "worker" if one.direction == "head->worker" else "head"
        name = label(one.number, server, audit, contract)
        rows.append((one.direction, str(one.number), name, "yes" if one.answered else "no", ", ".join(one.by)))
    return rows
