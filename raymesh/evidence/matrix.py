"""The fault matrix as a page: which fault turns which verdict red, made from the record of one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from raymesh.errors import UsageError
from raymesh.evidence.record import FaultRun, Record

AS_NAMED, STAYED_GREEN, NOT_NAMED, NOTHING = "red", "**green**", "**red!**", ""
SPELLED = {ord(char): f"&#{ord(char)};" for char in "\\`*_[]|<>&#~"}  # what Markdown or HTML would take for its own
INTRO = """\
# Faults, and the verdicts that they turn red

Made from a run's record by `raymesh faults record.json`. Each fault was broken on a cluster, looked at until red,
mended, and looked at until everything was green again.

"""
LEGEND = f"""\
`{AS_NAMED}`: turned red, as the fault names it. {STAYED_GREEN}: named, and stayed green. {NOT_NAMED}: turned red,
and is not named. A column without a cell is a verdict that no fault of this run turned red.

"""


def page(record: Record) -> str:
    """Return the page. Raises UsageError where no fault ran: a matrix of nothing would look like one."""
    if not record.faults:
        raise UsageError("this record has no fault: run the faults (pytest -m faults), and take the record of that run")
    parts = [
        INTRO,
        _run(record),
        "## Matrix\n\n",
        LEGEND,
        _matrix(record),
        _never(record),
        _excused(record),
        _list(record),
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


def _run(record: Record) -> str:
    lane = record.lane.name if record.lane else "unknown"
    good = sum(run.ok for run in record.faults)
    proxies = sorted({f"{one.name} {one.version}" for one in record.proxies}) or ["none observed"]
    rows = [
        ("date", record.started[:10]),
        ("lane", lane),
        ("versions observed", ", ".join(sorted({f"{one.program} {one.version}" for one in record.versions})) or "none"),
        ("images, proxy", f"{record.images.source if record.images else 'none'}, {', '.join(proxies)}"),
        ("raymesh", record.raymesh),
        ("the run", record.status),
        ("faults", f"{good} of {len(record.faults)} turned red just what they name"),
        ("verdicts turned red", f"{len(record.turned_red)} of {len(columns(record))}"),
    ]
    return _table(("", ""), rows)


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
    return f"## Turned red by no fault of this run, and not excused\n\n{shown}"


def _excused(record: Record) -> str:
    rows = [(record.title(id_), reason) for id_, reason in sorted(record.excused.items())]
    shown = _table(("verdict", "why no fault has to turn it red"), rows) if rows else "None.\n"
    return f"## Excused\n\n{shown}"


def _list(record: Record) -> str:
    rows = [
        (
            run.fault,
            run.title,
            " ".join(run.turned),
            _seconds(run.seconds_to_red),
            _seconds(run.seconds_to_green),
            "ok" if run.ok else f"FAILED {run.problem}".strip(),
        )
        for run in record.faults
    ]
    return "## Each fault\n\n" + _table(("fault", "what is broken", "turned red", "red after", "green after", ""), rows)


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
