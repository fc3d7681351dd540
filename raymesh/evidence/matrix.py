"""The fault matrix as a page: which fault turns which verdict red, made from the records of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from raymesh.errors import UsageError
from raymesh.evidence.record import FaultRun, Record

AS_NAMED, STAYED_GREEN, NOT_NAMED, NOTHING = "red", "**green**", "**red!**", ""
SPELLED = {ord(char): f"&#{ord(char)};" for char in "\\`*_[]|<>&#~"}  # what Markdown or HTML would take for its own
INTRO = """\
# Faults, and the verdicts that they turn red

Made from the records of runs by `raymesh faults record.json`. Each fault was broken on a cluster, looked at until red,
mended, and looked at until everything was green again.

"""
LEGEND = f"""\
`{AS_NAMED}`: turned red, as the fault names it. {STAYED_GREEN}: named, and stayed green. {NOT_NAMED}: turned red,
and is not named. A column without a cell is a verdict that no fault here turned red.

"""


def page(records: Sequence[Record]) -> str:
    """Return the page of these runs; of a fault that ran more than once its last run is shown.

    Raises UsageError where no fault ran, for a matrix of nothing would look like one, and where lanes differ.
    """
    if not all(record.faults for record in records) or not records:
        raise UsageError("this record has no fault: run the faults (pytest -m faults), and take the record of that run")
    if any(record.lane != records[0].lane for record in records):
        raise UsageError("records of different lanes: a page for each, for a fault may do other things in another mesh")
    latest = {run.fault: number for number, record in enumerate(records) for run in record.faults}
    kept = [[run for run in one.faults if latest[run.fault] == number] for number, one in enumerate(records)]
    record = replace(records[-1], faults=tuple(run for runs in kept for run in runs))
    number_of = {fault: number + 1 for fault, number in latest.items()} if len(records) > 1 else {}
    parts = [
        INTRO,
        _runs(records, kept),
        _sums(record),
        "## Matrix\n\n",
        LEGEND,
        _matrix(record),
        _never(record),
        _excused(record),
        _list(record, number_of),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def cell(run: FaultRun, verdict: str) -> str:
    """Return what a fault did to a verdict."""
    if verdict in run.turned:
        return AS_NAMED if verdict in run.expected else NOT_NAMED
    return STAYED_GREEN if verdict in run.expected else NOTHING


def columns(record: Record) -> tuple[str, ...]:
    """Return the ids of the whole catalogue, and of whatever else a fault names or turned red."""
    named = {verdict for run in record.faults for verdict in (*run.expected, *run.turned)}
    return tuple(sorted(named.union(verdict.id for verdict in record.verdicts)))


def families(record: Record) -> tuple[tuple[str, tuple[FaultRun, ...]], ...]:
    """Return the faults by class, classes and faults in the order in which they ran."""
    order = dict.fromkeys(run.family for run in record.faults)
    return tuple((family, tuple(run for run in record.faults if run.family == family)) for family in order)


def _runs(records: Sequence[Record], kept: Sequence[Sequence[FaultRun]]) -> str:
    """A row for each thing that is known of the runs, a column for each run."""
    known = [_run(record, len(runs)) for record, runs in zip(records, kept, strict=True)]
    head = ("run", *map(str, range(1, len(records) + 1))) if len(records) > 1 else ("", "")
    return _table(head, [(name, *(one[name] for one in known)) for name in known[0]])


def _run(record: Record, shown: int) -> dict[str, str]:
    proxies = sorted({f"{one.name} {one.version}" for one in record.proxies}) or ["none observed"]
    return {
        "date": record.started[:10],
        "lane": record.lane.name if record.lane else "unknown",
        "versions observed": ", ".join(sorted({f"{one.program} {one.version}" for one in record.versions})) or "none",
        "images, proxy": f"{record.images.source if record.images else 'none'}, {', '.join(proxies)}",
        "raymesh": record.raymesh,
        "the run": record.status,
        "faults shown": f"{shown} of {len(record.faults)}",
    }


def _sums(record: Record) -> str:
    good = sum(run.ok for run in record.faults)
    return (
        f"{good} of {len(record.faults)} faults turned red just what they name. "
        f"{len(record.turned_red)} of {len(columns(record))} verdicts were turned red.\n"
    )


def _matrix(record: Record) -> str:
    ids = columns(record)
    head = ("fault", *(_linked(id_) for id_ in ids))
    rows: list[tuple[str, ...]] = []
    for family, runs in families(record):
        rows.append((f"**{escaped(family) or 'no class'}**", *("" for _ in ids)))
        rows += [(escaped(run.fault), *(cell(run, id_) for id_ in ids)) for run in runs]
    return _table(head, rows, safe=True)


def _never(record: Record) -> str:
    """The empty columns, by name."""
    left = [id_ for id_ in columns(record) if id_ not in record.turned_red and id_ not in record.excused]
    shown = (
        "".join(f"- {escaped(record.title(id_))}\n" for id_ in left) or "None: every other verdict was turned red.\n"
    )
    return f"## Turned red by no fault here, and not excused\n\n{shown}"


def _excused(record: Record) -> str:
    rows = [(record.title(id_), reason) for id_, reason in sorted(record.excused.items())]
    shown = _table(("verdict", "why no fault has to turn it red"), rows) if rows else "None.\n"
    return f"## Excused\n\n{shown}"


def _list(record: Record, number_of: Mapping[str, int]) -> str:
    rows = [
        (
            *([str(number_of[run.fault])] if number_of else []),
            run.fault,
            run.title,
            " ".join(run.turned),
            _seconds(run.seconds_to_red),
            _seconds(run.seconds_to_green),
            "ok" if run.ok else f"FAILED {run.problem}".strip(),
        )
        for run in record.faults
    ]
    head = ("fault", "what is broken", "turned red", "red after", "green after", "")
    return "## Each fault\n\n" + _table(("run", *head) if number_of else head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, safe: bool = False) -> str:
    """Return a Markdown table; cells are made safe unless they are already."""
    shown = [head, ["---"] * len(head), *([one if safe else escaped(one) for one in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in shown)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in one cell and on one line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.translate(SPELLED)


def _linked(verdict: str) -> str:
    return f"[{verdict}](verdicts/{verdict[:2]}.md)"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"
