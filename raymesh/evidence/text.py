"""The report as text, made from a record alone: what was proven, by whom, with which figures, and how long it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from textwrap import shorten

from raymesh.evidence.record import FaultRun, Judgement, Record, TakenOut
from raymesh.progress import Timing

GAP = "  "
SEEN_CHARS = 100
SUMMARY_LINES, SUMMARY_CHARS = 10, 200
BELOW = "        "
EXPECTED_TO_FAIL = "expected to fail"
NO_FAULT = "no fault ran: nothing shows that these verdicts can fail"


def report(record: Record, artifacts: str = "") -> str:
    """Return the whole report; `artifacts` is the folder where the rest is."""
    parts = [
        headline(record),
        phase_table(record.phases),
        *([linted(record)] if record.lint else []),
        verdict_table(record),
        fault_table(record),
        not_asked(record),
        *([_lines(record.notes, "note: ")] if record.notes else []),
        *([failed] if (failed := _failures(record)) else []),
        *([f"redacted: {_counts(record.redacted)}"] if record.redacted else []),
        *([f"artifacts: {printable(artifacts)}"] if artifacts else []),
    ]
    return "\n\n".join(parts) + "\n"


def summary(record: Record, artifacts: str) -> str:
    """Return ten lines or fewer: the answer, what failed and why, and where to look."""
    bad = [printable(shorten(" ".join(line.split()), SUMMARY_CHARS, placeholder=" ...")) for line in record.wrong]
    shown = bad[: SUMMARY_LINES - 4] if len(bad) > SUMMARY_LINES - 3 else bad
    more = [f"and {len(bad) - len(shown)} more"] if len(bad) > len(shown) else []
    where = printable(artifacts)
    return "\n".join(
        [
            headline(record).splitlines()[0],
            *(f"  {line}" for line in (*shown, *more)),
            f"look: {where}/report.html (a page), {where}/report.txt (all findings)",
            *([f"why:  raymesh explain {' '.join(ids)}"] if (ids := _red_ids(record)) else []),
        ]
    )


def _red_ids(record: Record) -> list[str]:
    return sorted({one.verdict for one in record.judgements if not one.ok})[:SUMMARY_LINES]


def headline(record: Record) -> str:
    """Say how it ended and what was not asked, then what ran: subject, lane, what the programs say, images, proxies."""
    unasked = f"; {_many(record.not_asked, 'verdict')} not asked" if record.not_asked else ""
    found = f"{_many(record.judgements, 'finding')} of {_many(record.judged, 'verdict')}"
    given = "".join(f"; {role} is {source}" for role, source in (record.images.given if record.images else {}).items())
    lines = [
        f"{record.status}: {found}{unasked}; {_faults_in_a_word(record.faults)}{given}",
        f"raymesh {record.raymesh}, {record.started} to {record.ended or '(not ended)'}",
    ]
    if record.subject:
        one = record.subject
        lines.append(f"{one.kind} {one.namespace}/{one.name}, {_many(one.pods, 'Ray pod')}, ports of Ray {one.ray}")
    if record.platform:
        platform = record.platform
        engine = f", {platform.engine}" if platform.engine else ""
        lines.append(f"on {platform.kind}: Kubernetes {platform.kubernetes}, {_many(platform.nodes, 'node')}{engine}")
    if record.lane:
        lane = record.lane
        wanted = {program: f" (for {version})" for program, version in lane.wanted.items() if program in lane.stand_ins}
        served = [f"{p} {v}{wanted.get(p, '')}" for p, v in {**lane.wanted, **lane.stand_ins}.items()]
        lines.append(f"lane {lane.name}: {', '.join(served)}")
    seen = sorted({f"{one.program} {one.version}" for one in record.versions})
    proxies = Counter(f"{one.name} {one.version}" for one in record.proxies)
    lines += [
        f"observed: {', '.join(seen) or 'no version of any program'}",
        f"images: {_images(record)}; "
        f"proxy: {', '.join(f'{proxy} ({pods} pods)' for proxy, pods in proxies.items()) or 'none observed'}",
        *(_shared(record)),
    ]
    return "\n".join(printable(line) for line in lines)


def _images(record: Record) -> str:
    if not record.images:
        return "none"
    return record.images.source + (f" from {record.images.mirror}" if record.images.mirror else "")


def phase_table(timings: Sequence[Timing]) -> str:
    """Phases in the order of their start; they may overlap, so the total is the time from first start to last end."""
    if not timings:
        return "no phases"
    rows = [
        (timing.phase, f"{timing.start:.1f}", f"{timing.seconds:.1f}", "ok" if timing.ok else "FAILED")
        for timing in sorted(timings, key=lambda timing: timing.start)
    ]
    first = min(timing.start for timing in timings)
    last = max(timing.start + timing.seconds for timing in timings)
    return "\n".join(
        table(("phase", "began s", "took s", ""), [*rows, ("total", "", f"{last - first:.1f}", "")], right=(1, 2))
    )


def verdict_table(record: Record) -> str:
    """One line a finding, under its test; what failed has a line for what was expected and one for what was seen."""
    judged = record.judgements
    if not judged:
        return "no verdicts: nothing was proven"
    rows = [
        ("ok" if one.ok else "FAILED", record.title(one.verdict), one.about, one.witness, _figures(one))
        for one in judged
    ]
    head, *lines = table(("", "verdict", "about", "witness", "figures"), rows)
    text = [head]
    for test, group in groupby(zip(lines, judged, strict=True), key=lambda pair: pair[1].test):
        text += [printable(test), *(_explained(record, line, one) for line, one in group)]
    return "\n".join(text)


def linted(record: Record) -> str:
    """What the linter said of the manifests before they ran, a line each."""
    head = f"the linter on the manifests: {_many(record.lint, 'finding')}"
    lines = [f"{GAP}{one.place}: {one.severity} {one.rule}: {one.message}" for one in record.lint]
    return "\n".join(printable(line) for line in [head, *lines])


def fault_table(record: Record) -> str:
    """Each fault with what it turned red, and which verdicts nothing in this run has shown able to fail."""
    if not record.faults:
        return NO_FAULT
    text = [f"faults: {_faults_in_a_word(record.faults)}"]
    for run in record.faults:
        times = f"red after {_seconds(run.seconds_to_red)}, green after {_seconds(run.seconds_to_green)}"
        text.append(printable(f"{'ok' if run.ok else 'FAILED':<6}{GAP}{run.fault}: {run.title} ({times})"))
        text += [printable(f"{BELOW}{line}") for line in _fault_lines(record, run)]
    never = sorted(record.judged - record.turned_red)
    shown = f"{len(record.judged & record.turned_red)} of {len(record.judged)} verdicts that were judged were also red"
    rest = f"; nothing in this run shows that the others can fail: {' '.join(never)}" if never else ""
    return "\n".join([*text, "", f"{shown} under a fault{rest}"])


def not_asked(record: Record) -> str:
    """Each verdict that was not judged, under the reason for it."""
    if not record.not_asked:
        return "not asked: nothing, every verdict was judged" if record.judgements else "not asked: no reasons known"
    by_reason: dict[str, list[str]] = {}
    for verdict, reason in sorted(record.not_asked.items()):
        by_reason.setdefault(reason, []).append(record.title(verdict))
    text = ["not asked:"]
    for reason, verdicts in by_reason.items():
        text += [printable(f"{GAP}{reason}:"), *(printable(f"{BELOW}{verdict}") for verdict in verdicts)]
    return "\n".join(text)


def printable(text: str) -> str:
    """Return one line that a terminal shows as it is: control characters, line ends and the like are spelled out.

    Names and answers come from a cluster that is not ours; printed raw they could steer a terminal or a CI's log.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: tuple[int, ...] = ()) -> list[str]:
    """Return the lines of a table in columns, those of `right` to the right; the first line is the head."""
    shown = [tuple(printable(cell) for cell in row) for row in (head, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return GAP.join(cells).rstrip()

    return [line(row) for row in shown]


def _faults_in_a_word(faults: Sequence[FaultRun]) -> str:
    if not faults:
        return "no fault ran"
    return f"{sum(run.ok for run in faults)} of {len(faults)} faults turned red just what they name"


def _fault_lines(record: Record, run: FaultRun) -> Iterable[str]:
    for one in run.red:
        mark = f"{EXPECTED_TO_FAIL} ({run.fault})" if one.verdict in run.expected else "FAILED, not named"
        about = f" ({one.about})" if one.about else ""
        yield f"{mark}: {record.title(one.verdict)}{about}: {one.witness}: {_short(one.seen)}"
    for verdict in run.missing:
        yield f"FAILED, stayed green: {record.title(verdict)}"
    if not run.mended:
        yield "FAILED, not mended"
    if run.problem:
        yield f"FAILED: {run.problem}"


def _shared(record: Record) -> Iterable[str]:
    for one in record.independence:
        why = f" ({one.why})" if one.why else ""
        yield f"not independent: {', '.join(one.witnesses)} share {one.source}{why}"


def _explained(record: Record, line: str, one: Judgement) -> str:
    if one.ok:
        return line
    said = [f"{BELOW}{said.rule} said so: {said.message}; cure: {said.cure}" for said in record.said_so(one.verdict)]
    lines = [f"{BELOW}expected: {one.expected}", f"{BELOW}seen: {one.seen}", *said]
    return "\n".join([line, *(printable(text) for text in lines)])


def _failures(record: Record) -> str:
    """What tests said that failed; each line begins with a bar, so that none is taken for a command of a CI's log."""
    text: list[str] = []
    explained = {one.test for one in record.judgements if not one.ok}  # by the findings, in the table
    for one in record.failures:
        if one.when == "call" and one.test in explained:
            continue
        text += [f"{one.test} failed ({one.when}):", *(f"| {line}" for line in one.text.splitlines())]
    return "\n".join(printable(line) for line in text)


def _figures(one: Judgement) -> str:
    return ", ".join(f"{name} {value}" for name, value in one.figures.items())


def _counts(counts: Iterable[TakenOut]) -> str:
    return ", ".join(printable(f"{one.kind} {one.count}") for one in counts)


def _lines(texts: Iterable[str], prefix: str) -> str:
    return "\n".join(printable(f"{prefix}{text}") for text in texts)


def _many(things: Collection[object], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s"


def _short(text: str) -> str:
    return text if len(text) <= SEEN_CHARS else f"{text[: SEEN_CHARS - 4]} ..."
