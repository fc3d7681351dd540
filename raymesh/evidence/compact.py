"""A record in the form that is committed: what compares and what a table shows, without names that Kubernetes made up.

It is a record of the same schema, so everything that reads one reads this: of each verdict one answer stays, of each
fault what it turned red, of what was to be seen the parts that `raymesh compare` looks at.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby

from raymesh.errors import UsageError
from raymesh.evidence.record import FaultRun, Judgement, Record, Red
from raymesh.evidence.sights import Sights

OPTIONS = ("lane", "set", "image", "image-source", "registry", "nodes", "timeout-factor")  # that say what was proven
TEXT_CHARS = 300
FOLDER = re.compile(r"(?<![^\s=,])\.{0,2}/(?:[^\s,]*/)?")


def compact(record: Record) -> Record:
    """Return the record for a table. Raises UsageError where the run has not ended by itself: it proves nothing."""
    if record.status not in ("passed", "failed"):
        raise UsageError(f"this record's run is {record.status}: only one that passed or failed is kept; run it again")
    named, images = {run.fault for run in record.faults}, record.images
    return replace(
        record,
        options={name: _no_folder(value) for name, value in record.options.items() if name in OPTIONS and value},
        images=images and replace(images, given={role: _no_folder(text) for role, text in images.given.items()}),
        verdicts=(),
        excused={},
        judgements=_answers(record.judgements),
        faults=tuple(_fault(run) for run in record.faults),
        failures=tuple(replace(one, text=one.text[:TEXT_CHARS]) for one in record.failures if one.test not in named),
        platform=record.platform and replace(record.platform, nodes=tuple("node" for _ in record.platform.nodes)),
        redacted=(),
        lint=(),
        sights=record.sights and _sights(record.sights),
    )


def _no_folder(text: str) -> str:
    """Return a text whose paths are names of files alone: where they were is nobody's business."""
    return FOLDER.sub("", text)


def _answers(judgements: tuple[Judgement, ...]) -> tuple[Judgement, ...]:
    """Return one answer a verdict: red where any of its findings is, and then the first that is."""
    found = []
    ordered = sorted(judgements, key=lambda one: (one.verdict, one.ok))
    for _, group in groupby(ordered, key=lambda one: one.verdict):
        first = next(group)
        seen = "" if first.ok else first.seen[:TEXT_CHARS]
        expected = "" if first.ok else first.expected[:TEXT_CHARS]
        found.append(replace(first, about="", expected=expected, seen=seen, figures={}))
    return tuple(found)


def _fault(run: FaultRun) -> FaultRun:
    return replace(run, red=tuple(Red(verdict, "", "", "") for verdict in run.turned))


def _sights(sights: Sights) -> Sights:
    return replace(sights, clients=(), calls=(), traces=(), received=())
