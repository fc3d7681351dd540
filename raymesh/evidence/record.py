"""The record: all of a run as data. Text, comparison, matrix and pages are made from it and from nothing else.

record.schema.json beside this file is the published form; it is what others read and send. Whatever is read is checked
against it first. A field that is taken away or means something else is a new SCHEMA. One that is added is named in
ADDED: records that were written before it have none, and get its default.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from textwrap import shorten
from typing import Any, ClassVar, Literal

from raymesh.errors import EnvironmentFault, InputUnread, UsageError
from raymesh.evidence.sights import Sights
from raymesh.progress import Timing
from raymesh.verdicts.catalog import Verdict

SCHEMA = 1
SCHEMA_FILE = "record.schema.json"
Status = Literal["passed", "failed", "interrupted", "incomplete"]
Figure = str | int | float
SHOWN_CHARS = 300
NOT_EXACT = "did not turn red just what it names, or did not turn green again"


@dataclass(frozen=True)
class LaneAsked:
    """The row of versions that was asked for. `stand_ins` has, by program, what serves in place of what it wants."""

    name: str
    wanted: Mapping[str, str]
    stand_ins: Mapping[str, str]


@dataclass(frozen=True)
class Images:
    """Where images came from (`pull` or `build`), and which image had which role.

    `digests` are of what was pulled or given, by role. `given` says by role where an image is from that is not the
    lane's; `mirror` is HOST/PATH that images were pulled from in place of their own registries.
    """

    ADDED: ClassVar = ("digests", "given", "mirror")

    source: str
    by_role: Mapping[str, str]
    digests: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    mirror: str = ""


@dataclass(frozen=True)
class VersionSeen:
    """The version that a program gave of itself. `where` tells one of several from another: a node, a pod."""

    program: str
    version: str
    where: str


@dataclass(frozen=True)
class ProxySeen:
    """The sidecar of one Ray pod: what it is by its own word (`stock Envoy`, `istio-proxy`), and its version."""

    pod: str
    name: str
    version: str


@dataclass(frozen=True)
class PlatformUsed:
    """The cluster: made here (`kind`) or borrowed (`existing`), its API server's version, its nodes, its engine."""

    kind: str
    kubernetes: str
    nodes: tuple[str, ...]
    engine: str


@dataclass(frozen=True)
class SubjectGroup:
    """A group of the Ray cluster, and how many pods it is to have."""

    name: str
    pods: int


@dataclass(frozen=True)
class SubjectPod:
    """A Ray pod, and the name by which its node registers."""

    name: str
    role: str
    group: str
    host: str


@dataclass(frozen=True)
class SubjectPort:
    """A port of the contract. `first` and `last` are the same for a single one, and null where the kernel picks."""

    name: str
    first: int | None
    last: int | None
    app_protocol: str
    speaks: str
    roles: tuple[str, ...]
    crosses: tuple[str, ...]
    declared_in: str


@dataclass(frozen=True)
class SubjectProven:
    """What was proven. `service_accounts` are those that its pods have to run as."""

    kind: str
    name: str
    namespace: str
    headless_service: str
    head_service: str
    tracing_service: str
    ray: str
    groups: tuple[SubjectGroup, ...]
    service_accounts: tuple[str, ...]
    pods: tuple[SubjectPod, ...]
    ports: tuple[SubjectPort, ...]


@dataclass(frozen=True)
class SharedSource:
    """Witnesses that take their word from one source, so that they are not independent of each other."""

    source: str
    witnesses: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Judgement:
    """A finding, and the test that asked for it. `verdict` is an id of the catalogue."""

    test: str
    verdict: str
    about: str
    ok: bool
    expected: str
    seen: str
    witness: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Red:
    """A finding that was red while a fault was there."""

    verdict: str
    about: str
    seen: str
    witness: str


@dataclass(frozen=True)
class FaultRun:
    """One fault: broken, looked at, mended, looked at again.

    `expected` are the ids of the verdicts that it has to turn red, `red` all that was red in the end, `problem` what
    went wrong besides (a deadline, a mesh that was not healthy before). Seconds are from the break to the last look
    that was red, and from the mending to the last look that was green; None where that never came.
    """

    WRITTEN: ClassVar = ("ok", "missing", "others")  # follows from the fields, and is written for who reads the JSON

    fault: str
    title: str
    family: str
    expected: tuple[str, ...]
    red: tuple[Red, ...]
    seconds_to_red: float | None
    seconds_to_green: float | None
    mended: bool
    problem: str = ""

    @property
    def turned(self) -> tuple[str, ...]:
        """The ids that were red, each once, in order."""
        return tuple(sorted({one.verdict for one in self.red}))

    @property
    def missing(self) -> tuple[str, ...]:
        """The ids that had to be red and stayed green."""
        return tuple(sorted(set(self.expected) - set(self.turned)))

    @property
    def others(self) -> tuple[str, ...]:
        """The ids that were red though this fault does not name them."""
        return tuple(sorted(set(self.turned) - set(self.expected)))

    @property
    def ok(self) -> bool:
        """Whether it turned red just what it names, was mended, and everything was green again."""
        exact = bool(self.expected) and not self.missing and not self.others
        came = self.seconds_to_red is not None and self.seconds_to_green is not None
        return exact and came and self.mended and not self.problem


@dataclass(frozen=True)
class LintSaid:
    """What the linter said of the subject's manifests before they ran: which rule, how bad, where, what, and the cure.

    `foretells` are the ids of the verdicts that it lets turn red, as far as Ray does what it warns of.
    """

    rule: str
    severity: str
    place: str
    message: str
    cure: str
    foretells: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A test that failed, when (`setup`, `call`, `teardown`), and what it said."""

    test: str
    when: str
    text: str


@dataclass(frozen=True)
class TakenOut:
    """How many secrets of a kind were taken out of artifacts.

    Not a mapping by kind: what takes out secrets knows them by the names of keys, and would take out the count.
    """

    kind: str
    count: int


@dataclass(frozen=True)
class Record:
    """All of a run. What is not known yet is None or empty; `status` is `incomplete` until the run has ended.

    `verdicts` is the whole catalogue of that raymesh, `not_asked` a reason for each id that was not judged, `excused`
    a reason for each id that no fault has to turn red. Times are UTC, as RFC 3339 has them.
    """

    ADDED: ClassVar = ("sights", "lint")  # fields that a record of this schema may lack, written before there were any

    started: str
    raymesh: str
    options: Mapping[str, str]
    ended: str | None = None
    status: Status = "incomplete"
    lane: LaneAsked | None = None
    images: Images | None = None
    versions: tuple[VersionSeen, ...] = ()
    proxies: tuple[ProxySeen, ...] = ()
    platform: PlatformUsed | None = None
    subject: SubjectProven | None = None
    witnesses: tuple[str, ...] = ()
    independence: tuple[SharedSource, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    not_asked: Mapping[str, str] = field(default_factory=dict)
    excused: Mapping[str, str] = field(default_factory=dict)
    phases: tuple[Timing, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    faults: tuple[FaultRun, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    redacted: tuple[TakenOut, ...] = ()
    sights: Sights | None = None
    lint: tuple[LintSaid, ...] = ()

    def title(self, verdict: str) -> str:
        """Return an id with its title, or the id alone where the record has no such verdict."""
        return next((str(one) for one in self.verdicts if one.id == verdict), verdict)

    def said_so(self, verdict: str) -> tuple[LintSaid, ...]:
        """Return what the linter had said that foretells a verdict."""
        return tuple(one for one in self.lint if verdict in one.foretells)

    @property
    def judged(self) -> frozenset[str]:
        """The ids of the verdicts that a test asked for."""
        return frozenset(one.verdict for one in self.judgements)

    @property
    def turned_red(self) -> frozenset[str]:
        """The ids that a fault turned red as it has to."""
        return frozenset(id_ for run in self.faults for id_ in run.turned if id_ in run.expected)

    @property
    def wrong(self) -> tuple[str, ...]:
        """What keeps this record from being a proof, a line each; empty where nothing does. No findings: no proof."""
        return (
            *(() if self.judgements else ("nothing was judged",)),
            *(f"{one.test}: {self.title(one.verdict)}: {one.seen}" for one in self.judgements if not one.ok),
            *(
                f"fault {run.fault}: {run.problem or 'did not turn red just what it names'}"
                for run in self.faults
                if not run.ok
            ),
            *(f"{one.test} ({one.when}): {one.text}" for one in self.failures),
        )


def to_json(record: Record) -> str:
    """Return the record as JSON text."""
    return json.dumps({"schema": SCHEMA, **_plain(record)}, indent=1, allow_nan=False) + "\n"


def from_json(text: str, name: str = "the record") -> Record:
    """Read a record, checked against the schema. Raises InputUnread that begins with `name` and says what is wrong."""
    try:
        data = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise InputUnread(f"{name} is not JSON: {error}") from None
    if not isinstance(data, dict) or "schema" not in data:
        raise InputUnread(f"{name} is not a record of a run: it has no `schema`; a run leaves one as record.json")
    if data["schema"] != SCHEMA or isinstance(data["schema"], bool):
        version = shorten(json.dumps(data["schema"]), SHOWN_CHARS, placeholder="...")
        raise InputUnread(
            f"{name} has schema version {version}, and this raymesh reads version {SCHEMA}: "
            "read it with the raymesh that wrote it (the field `raymesh`), or run again"
        )
    wrong = check(data)
    if wrong:
        raise InputUnread(f"{name} is not a record of schema version {SCHEMA}: {wrong}")
    made: Record = _built(Record, data)
    return made


def read(path: Path) -> Record:
    """Read record.json. Raises UsageError where there is none, InputUnread where it can't be read or is no record."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; a run leaves its record as record.json") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputUnread(f"can't read {path}: {error}") from None
    return from_json(text, str(path))


def schema() -> dict[str, Any]:
    """Return the published JSON schema."""
    text = files("raymesh.evidence").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check(data: object) -> str:
    """Return where and why `data` is not of the schema, as a line; empty where it is.

    Raises EnvironmentFault where the library that checks is not installed.
    """
    try:  # here, as it takes longer to import than all of raymesh's own, and who writes a record does not need it
        from jsonschema import Draft202012Validator  # noqa: PLC0415
        from jsonschema.exceptions import best_match  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise EnvironmentFault(
            f"a record is checked by jsonschema: {missing}", "pip install 'raymesh[report]'"
        ) from None

    error = best_match(Draft202012Validator(schema()).iter_errors(data))
    return f"{error.json_path}: {shorten(error.message, SHOWN_CHARS, placeholder=' ...')}" if error else ""


def figure(value: Figure) -> Figure:
    """Return a figure as JSON can hold it: infinity and not-a-number as words."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value


def _plain(value: Any) -> Any:
    """Return dataclasses, mappings and sequences as JSON has them."""
    if is_dataclass(value):
        names = [*(one.name for one in fields(value)), *getattr(value, "WRITTEN", ())]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _built(kind: Any, value: Any) -> Any:
    """Make a value of `kind` of JSON that the schema has found good."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        kinds = [one for one in inner if one is not types.NoneType]
        return value if value is None or len(kinds) > 1 else _built(kinds[0], value)
    if origin is tuple:
        return tuple(_built(inner[0], item) for item in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _built(inner[1], item) for key, item in value.items()}
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        given = [f.name for f in fields(kind) if f.name in value]
        return typing.cast(Any, kind)(**{name: _built(hints[name], value[name]) for name in given})
    return value
