"""The compatibility table: which rows of versions real runs proved, when, with which proxy and images. From records.

A row that no run proved is not there. Of several runs of the same row the last one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from raymesh.errors import UsageError
from raymesh.evidence.record import Record
from raymesh.evidence.text import printable

PROGRAMS = {  # column -> program, as it reports its version
    "Kubernetes": "kubernetes",
    "Istio": "istiod",
    "KubeRay": "kuberay-operator",
    "Ray": "ray",
    "Kiali": "kiali",
    "Jaeger": "jaeger",
    "Prometheus": "prometheus",
}
INTRO = """\
# Which versions are proven together

Made by `raymesh matrix records/*.json` from what real runs left. Versions are what each program said of itself, and in
brackets what the lane asks where another version stands in. `build`: images were made from package registries, with
stock Envoy as the sidecar; `pull`: published images, with the proxy that is named. A row that no run proved isn't here.

"""
ADD = """\
## Add a row
```
make e2e ARGS="--lane stable"
raymesh compact artifacts/record.json > records/stable-build.json
raymesh matrix records/*.json > docs/compatibility.md
```
"""


def page(records: Mapping[str, Record]) -> str:
    """Return the page of records, by file name. Raises UsageError where there is none, or one's run has not ended."""
    if not records:
        raise UsageError("no record: a table of nothing would look like one")
    for name, record in records.items():
        if record.status not in ("passed", "failed") or not record.judgements:
            raise UsageError(
                f"{name}: a run that is {record.status}, with {len(record.judgements)} findings, proves nothing: "
                "run it again until it ends"
            )
    last = _last(records.values())
    green = [one for one in last if one.status == "passed"]
    red = [one for one in last if one.status == "failed"]
    parts = [
        INTRO,
        "## Proven\n\n" + (_table(green, "verdicts", _proved) if green else "None.\n"),
        *(["## Ran, and did not pass\n\n" + _table(red, "why", _why)] if red else []),
        ADD,
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _last(records: Iterable[Record]) -> list[Record]:
    """Return the last record of each row, by lane and versions."""
    found: dict[tuple[str, ...], Record] = {}
    for record in sorted(records, key=lambda one: one.started):
        found[_lane(record), _images(record), *(_versions(record, program) for program in PROGRAMS.values())] = record
    return sorted(found.values(), key=lambda one: (_lane(one), one.started))


def _table(records: Sequence[Record], last: str, tell: Callable[[Record], str]) -> str:
    head = ("lane", "date", "images", "proxy", *PROGRAMS, last)
    rows = [
        (
            *(_lane(one), one.started[:10], _images(one), _proxy(one)),
            *(_version(one, program) for program in PROGRAMS.values()),
            tell(one),
        )
        for one in records
    ]
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], f"|{' --- |' * len(head)}", *lines[1:]]) + "\n"


def _lane(record: Record) -> str:
    name = record.lane.name if record.lane else "none"
    told = [record.options[option] for option in ("set", "image") if record.options.get(option)]
    return ", ".join([name, *told])


def _images(record: Record) -> str:
    return record.images.source if record.images else "those of the cluster"


def _proxy(record: Record) -> str:
    return ", ".join(sorted({f"{one.name} {one.version}" for one in record.proxies})) or "not observed"


def _versions(record: Record, program: str) -> str:
    return ", ".join(sorted({one.version for one in record.versions if one.program == program}))


def _version(record: Record, program: str) -> str:
    """Return the version that was seen, and what the lane asks where another stands in."""
    seen = _versions(record, program) or "not observed"
    name = {"istiod": "istio", "kuberay-operator": "kuberay"}.get(program, program)
    stands = record.lane is not None and name in record.lane.stand_ins
    return f"{seen} (for {record.lane.wanted[name]})" if record.lane and stands else seen


def _proved(record: Record) -> str:
    faults = f", {sum(run.ok for run in record.faults)} faults" if record.faults else ""
    return f"{len(record.judged)} green{faults}"


def _why(record: Record) -> str:
    red = sorted({one.verdict for one in record.judgements if not one.ok})
    faults = [f"fault {run.fault}" for run in record.faults if not run.ok]
    return ", ".join([*red, *faults, *(f"{one.test} failed" for one in record.failures)]) or "not said"


def _cell(text: str) -> str:
    line = " ".join(printable(text).split())
    return "".join(f"&#{ord(char)};" if char in "|<>&`*_[]\\" else char for char in line)
