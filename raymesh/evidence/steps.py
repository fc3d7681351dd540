"""The summary of a run for the page of a GitHub workflow: Markdown, made from a record alone."""

from __future__ import annotations

from raymesh.evidence.matrix import escaped
from raymesh.evidence.record import Record
from raymesh.evidence.text import headline

MOST = 20


def markdown(record: Record) -> str:
    """Return it: the answer, what ran, what is wrong."""
    first, *rest = headline(record).splitlines()
    wrong = [escaped(line) for line in record.wrong]
    more = [f"and {len(wrong) - MOST} more, in report.html of the artifacts"] if len(wrong) > MOST else []
    items = "".join(f"- {line}\n" for line in (*wrong[:MOST], *more))
    return f"## raymesh: {escaped(first)}\n\n{items}\n" + "".join(f"{escaped(line)}<br>\n" for line in rest)
