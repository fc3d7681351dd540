"""The pages of docs/verdicts/, made from the catalogue and from the faults that turn its verdicts red.

Verdicts do not know faults: who makes the pages hands them in. That is raymesh/faults/pages.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from raymesh.verdicts.catalog import KIALI, PROMETHEUS, RETIRED, VERDICTS, Verdict
from raymesh.verdicts.faultlike import FaultLike
from raymesh.verdicts.independence import not_independent_of, shared

INDEX = "README.md"
MADE_BY = "Made by `python -m raymesh.faults.pages`."
INTRO = f"""\
# Verdicts

{MADE_BY} A verdict is one question that is asked of the mesh. Its id is never used for
another one. The first witness is the one that is asked; the others are whose word it takes, or is held against.

| verdict | what holds | witnesses | faults that turn it red |
| --- | --- | --- | --- |
"""
RETIRED_HEAD = """
## Retired

| verdict | why |
| --- | --- |
"""
SHARED_HEAD = """
## Which witnesses are not independent

Witnesses with verdicts that take their word from one source can be wrong together.

| source | witnesses |
| --- | --- |
"""
FAMILIES: Mapping[str, str] = {
    "V0": "the looking itself",
    "V1": "the platform",
    "V2": "mTLS by Kiali",
    "V3": "mTLS by Prometheus",
    "V4": "mTLS by the sidecars' own Envoy",
    "V5": "refusal, by clients that knock",
    "V6": "ports",
    "V7": "traces by Jaeger",
    "V8": "the work itself",
    "V9": "packets on the wire",
}
ON_MTLS = ("V2", "V3", "V4", "V5", "V9")  # the families whose verdicts are on mTLS


def pages(faults: Sequence[FaultLike], excused: Mapping[Verdict, str]) -> Mapping[str, str]:
    """Return every page by its file name: one for each family, and the index."""
    made = {f"{family}.md": _page(family, faults, excused) for family in FAMILIES}
    return {INDEX: _index(faults), **made}


def apart() -> tuple[Verdict, ...]:
    """Return the verdicts on mTLS that take no word from Prometheus, nor from Kiali, which reads it."""
    return tuple(
        verdict
        for verdict in VERDICTS.values()
        if family_of(verdict) in ON_MTLS and not {KIALI, PROMETHEUS} & set(verdict.sources)
    )


def family_of(verdict: Verdict) -> str:
    """Return the family of a verdict, the name of its page."""
    return verdict.id[:2]


def explained(verdict: Verdict) -> str:
    """Return a verdict's page for a terminal; which faults turn it red is in docs/verdicts/, and in a run's report."""
    return (
        f"# {verdict.id}: {verdict.title}\n\n{verdict.claim}\n\n"
        f"Witnesses: {', '.join(verdict.sources)}.\n"
        f"Not independent of: {', '.join(not_independent_of(verdict, VERDICTS.values())) or 'nobody'}.\n"
        f"Can't see: {verdict.hidden or 'no gap is known.'}\n"
    )


def _index(faults: Sequence[FaultLike]) -> str:
    rows = [
        f"| {_link(verdict)} | {verdict.title} | {', '.join(verdict.sources)} | {len(_red_by(verdict, faults))} |\n"
        for verdict in VERDICTS.values()
    ]
    retired = [f"| {id_} | {why} |\n" for id_, why in RETIRED.items()]
    common = [f"| {source} | {', '.join(who)} |\n" for source, who in shared(VERDICTS.values()).items()]
    parts = [
        INTRO,
        *rows,
        *([RETIRED_HEAD, *retired] if retired else []),
        SHARED_HEAD,
        *common,
        f"\nOn mTLS, {len(apart())} verdicts read neither Prometheus nor Kiali:\n\n",
        *(f"- {_link(verdict)} {verdict.title}\n" for verdict in apart()),
    ]
    return "".join(parts)


def _page(family: str, faults: Sequence[FaultLike], excused: Mapping[Verdict, str]) -> str:
    own = [verdict for verdict in VERDICTS.values() if family_of(verdict) == family]
    parts = [f"# {family}: {FAMILIES[family]}\n\n{MADE_BY} All verdicts: [index]({INDEX}).\n"]
    return "\n".join(
        [*parts, *(_section(verdict, _red_by(verdict, faults), excused.get(verdict, "")) for verdict in own)]
    )


def _section(verdict: Verdict, red_by: Sequence[FaultLike], excuse: str) -> str:
    return (
        f"## {verdict.id}: {verdict.title}\n\n{verdict.claim}\n\n"
        f"- Witnesses: {', '.join(verdict.sources)}.\n"
        f"- Not independent of: {', '.join(not_independent_of(verdict, VERDICTS.values())) or 'nobody'}.\n"
        f"- Can't see: {verdict.hidden or 'no gap is known.'}\n"
        f"- Turned red by: {_turned_red(red_by, excuse)}\n"
    )


def _turned_red(red_by: Sequence[FaultLike], excuse: str) -> str:
    if red_by:
        return "; ".join(f"{fault.id} ({fault.title})" for fault in red_by) + "."
    return f"no fault, with a reason: {excuse}" if excuse else "no fault yet."


def _red_by(verdict: Verdict, faults: Iterable[FaultLike]) -> tuple[FaultLike, ...]:
    return tuple(fault for fault in faults if verdict in fault.turns_red)


def _link(verdict: Verdict) -> str:
    return f"[{verdict.id}]({family_of(verdict)}.md#{_anchor(f'{verdict.id}: {verdict.title}')})"


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    kept = "".join(char for char in heading.lower() if char.isalnum() or char in " -_")
    return kept.replace(" ", "-")
