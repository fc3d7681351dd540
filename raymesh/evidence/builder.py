"""Fills a record step by step while a run goes on, from threads too; it can be had whole at any moment."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from raymesh import __version__
from raymesh.evidence.record import (
    Failure,
    FaultRun,
    Images,
    Judgement,
    LaneAsked,
    LintSaid,
    PlatformUsed,
    ProxySeen,
    Record,
    Red,
    SharedSource,
    Status,
    SubjectGroup,
    SubjectPod,
    SubjectPort,
    SubjectProven,
    TakenOut,
    VersionSeen,
    figure,
)
from raymesh.evidence.sights import Sights
from raymesh.lane import Lane
from raymesh.lint.diagnostics import Diagnostic
from raymesh.ports import Contract
from raymesh.ports.model import Port
from raymesh.progress import Progress
from raymesh.subject import RayPod, Subject
from raymesh.verdicts.catalog import VERDICTS, VERSIONS, Verdict
from raymesh.verdicts.faultlike import FaultLike
from raymesh.verdicts.finding import Finding
from raymesh.verdicts.foretold import FORETOLD
from raymesh.verdicts.independence import shared

FROM_CATALOGUE = ""  # SharedSource.why of what the catalogue's sources say by themselves
NO_TEST = "no test of this run asks it"


@dataclass
class RecordBuilder:
    """The record of a run that goes on. Phases are read from `progress`; all else is told by the methods."""

    options: Mapping[str, str]
    progress: Progress
    excused: Mapping[Verdict, str] = field(default_factory=dict)
    catalogue: Sequence[Verdict] = tuple(VERDICTS.values())
    _record: Record = field(init=False)
    _lock: threading.RLock = field(init=False, default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._record = Record(
            started=_now(),
            raymesh=__version__,
            options=dict(self.options),
            verdicts=tuple(self.catalogue),
            excused={verdict.id: reason for verdict, reason in self.excused.items()},
            independence=tuple(
                SharedSource(source, witnesses, FROM_CATALOGUE) for source, witnesses in shared(self.catalogue).items()
            ),
        )

    def lane(self, lane: Lane) -> None:
        """Say which versions were asked for. A lane `as_built` says which ones stand in."""
        stand_ins = {name: lane.versions[name] for name in lane.replaced}
        self._set(lane=LaneAsked(lane.name, {**lane.versions, **lane.replaced}, stand_ins))

    def images(
        self,
        source: str,
        by_role: Mapping[str, str],
        *,
        digests: Mapping[str, str] | None = None,
        given: Mapping[str, str] | None = None,
        mirror: str = "",
    ) -> None:
        """Say where images came from, the image of each role, and what was pulled or given instead of the lane's."""
        self._set(images=Images(source, dict(by_role), dict(digests or {}), dict(given or {}), mirror))

    def platform(self, kind: str, kubernetes: str, nodes: Sequence[str], engine: str) -> None:
        """Say what the run stands on."""
        self._set(platform=PlatformUsed(kind, kubernetes, tuple(nodes), engine))

    def subject(self, subject: Subject, members: Sequence[RayPod]) -> None:
        """Say what is proven, and the Ray pods that it has now."""
        self._set(subject=proven(subject, members))

    def version(self, program: str, seen: str, where: str = "") -> None:
        """Keep the version that a program gave of itself; of the same program and place the last one stays."""
        with self._lock:
            others = [one for one in self._record.versions if (one.program, one.where) != (program, where)]
            self._set(versions=(*others, VersionSeen(program, seen, where)))

    def versions(self, seen: Mapping[str, str]) -> None:
        """Keep versions by program; `PROGRAM of PLACE` tells one of several from another."""
        for name, version in seen.items():
            program, _, where = name.partition(" of ")
            self.version(program, version, where)

    def proxy(self, pod: str, name: str, seen: str) -> None:
        """Keep what a Ray pod's sidecar is; of the same pod the last word stays."""
        with self._lock:
            others = [one for one in self._record.proxies if one.pod != pod]
            self._set(proxies=(*others, ProxySeen(pod, name, seen)))

    def shares(self, source: str, witnesses: Sequence[str], why: str) -> None:
        """Name a source that witnesses share in this run, beyond what the catalogue says."""
        self._add("independence", SharedSource(source, tuple(witnesses), why))

    def not_asked(self, verdict: Verdict, reason: str) -> None:
        """Give the reason for which a verdict is not judged."""
        with self._lock:
            self._set(not_asked={**self._record.not_asked, verdict.id: reason})

    def judged(self, test: str, findings: Iterable[Finding]) -> None:
        """Keep what a test found, and as versions observed what programs said of themselves in it."""
        found = list(findings)
        self._add("judgements", *(judgement(test, finding) for finding in found))
        for finding in found:
            if finding.verdict == VERSIONS:
                self.versions({program: str(version) for program, version in finding.figures.items()})

    def linted(self, said: Iterable[Diagnostic]) -> None:
        """Keep what the linter said of the subject."""
        self._add(
            "lint",
            *(
                LintSaid(
                    one.rule,
                    str(one.severity),
                    str(one.place),
                    one.message,
                    one.fix,
                    tuple(sorted(verdict.id for verdict in FORETOLD.get(one.rule, ()))),
                )
                for one in said
            ),
        )

    def fault(self, run: FaultRun) -> None:
        """Keep what became of a fault."""
        self._add("faults", run)

    def failure(self, test: str, when: str, text: str) -> None:
        """Keep that a test failed, when (`setup`, `call`, `teardown`), and what it said."""
        self._add("failures", Failure(test, when, text))

    def note(self, text: str) -> None:
        """Keep something that a reader should know."""
        self._add("notes", text)

    def sights(self, seen: Sights) -> None:
        """Keep what was to be seen in the end; the last one stays."""
        self._set(sights=seen)

    def redacted(self, counts: Mapping[str, int]) -> None:
        """Say how many secrets, by kind, were taken out of artifacts so far."""
        self._set(redacted=tuple(TakenOut(kind, count) for kind, count in counts.items()))

    def finish(self, status: Status) -> Record:
        """End the record. What is not a proof does not pass: `passed` becomes `failed` where something is wrong."""
        with self._lock:
            unasked = {v.id: NO_TEST for v in self.catalogue if v.id not in self._record.judged}
            self._set(not_asked={**unasked, **self._record.not_asked}, ended=_now())
            self._set(status="failed" if status == "passed" and self.record().wrong else status)
            return self.record()

    def record(self) -> Record:
        """Return the record as it is by now."""
        with self._lock:
            told = self._record.judged
            asked = {source for verdict in self.catalogue if verdict.id in told for source in verdict.sources}
            return replace(self._record, phases=tuple(self.progress.timings), witnesses=tuple(sorted(asked)))

    def _set(self, **changed: object) -> None:
        with self._lock:
            self._record = replace(self._record, **changed)  # type: ignore[arg-type]  # each caller names a field

    def _add(self, name: str, *more: object) -> None:
        with self._lock:
            self._set(**{name: (*getattr(self._record, name), *more)})


def proven(subject: Subject, members: Sequence[RayPod]) -> SubjectProven:
    """Return a subject as a record has it."""
    return SubjectProven(
        subject.kind,
        subject.name,
        subject.namespace,
        subject.headless_service,
        subject.head_service,
        ", ".join(sorted(subject.tracing_services)),
        str(subject.contract.ray_version),
        tuple(SubjectGroup(name, pods) for name, pods in subject.groups.items()),
        tuple(sorted(subject.service_accounts)),
        tuple(SubjectPod(one.name, one.role, one.group, one.host) for one in members),
        _ports(subject.contract),
    )


def judgement(test: str, finding: Finding) -> Judgement:
    """Return a finding as a record has it."""
    return Judgement(
        test,
        finding.verdict.id,
        finding.about,
        finding.ok,
        finding.expected,
        finding.seen,
        finding.witness,
        {name: figure(value) for name, value in finding.figures.items()},
    )


def fault_run(
    fault: FaultLike,
    found: Iterable[Finding],
    *,
    seconds_to_red: float | None,
    seconds_to_green: float | None,
    mended: bool,
    problem: str = "",
) -> FaultRun:
    """Return what became of a fault: `found` is what was seen while it was there, seconds are None where it never came.

    A fault that failed is kept as well: `problem` says why.
    """
    return FaultRun(
        fault.id,
        fault.title,
        fault.family,
        tuple(sorted(verdict.id for verdict in fault.turns_red)),
        tuple(Red(one.verdict.id, one.about, one.seen, one.witness) for one in found if not one.ok),
        seconds_to_red,
        seconds_to_green,
        mended,
        problem,
    )


def _ports(contract: Contract) -> tuple[SubjectPort, ...]:
    def of(port: Port) -> SubjectPort:
        first, last = (port.numbers[0], port.numbers[-1]) if port.numbers else (None, None)
        return SubjectPort(
            port.name, first, last, port.app_protocol, port.speaks, port.roles, port.crosses, port.declared_in
        )

    return tuple(of(port) for port in contract.ports)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
