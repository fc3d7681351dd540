"""Hits raymesh's work at many points, and tells whether the next run mends it: `make crash-test`.

Every point has a box of its own (box.py) and a deadline. It takes root, as boxes are namespaces. The result is a table,
and exit code 1 where something was not mended, or was left.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from raymesh.paths import ROOT
from tests.crash.points import KINDS
from tests.crash.scenarios import SCENARIOS

BOX = ("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL")
SECONDS = 400
AFTERWARDS = {"kill": ("", "reboot", "month"), "during": ("", "reboot"), "full": ("",)}
TITLES = {
    ("kill", ""): "killed",
    ("kill", "reboot"): "killed, then a reboot",
    ("kill", "month"): "killed, then a month",
    ("during", ""): "killed while a program ran",
    ("during", "reboot"): "the same, then a reboot",
    ("full", ""): "disk full",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one point."""

    scenario: str
    kind: str
    at: int
    afterwards: str
    answer: dict[str, object]

    @property
    def faults(self) -> list[str]:
        """Return what is wrong; empty: the next run was green, and nothing was left."""
        found = [] if self.answer.get("again") == 0 else [f"the next run is not green: {self.answer.get('why')}"]
        if self.kind == "full" and self.answer.get("hit") not in (0, 1):
            found.append(f"the full disk was no error of ours: {self.answer.get('said')}")
        if self.answer.get("clean") != 0:
            found.append(f"clean fails: {self.answer.get('why')}")
        return found + [f"left: {thing}" for thing in self.answer.get("left", ["?"])]  # type: ignore[attr-defined]  # a list


def hit(scenario: str, kind: str, at: int, afterwards: str = "") -> Outcome:
    """Hit one point in a box of its own."""
    words = [*BOX, sys.executable, "-B", "-m", "tests.crash.box", scenario, kind, str(at), afterwards]
    try:
        done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True, timeout=SECONDS)
        answer = json.loads(done.stdout) if done.returncode == 0 else {"why": done.stderr[-1500:]}
    except subprocess.TimeoutExpired:
        answer = {"why": f"no end after {SECONDS} s"}
    return Outcome(scenario, kind, at, afterwards, answer)


def chosen(count: int, most: int) -> list[int]:
    """Return at most `most` of the points 1 to `count`, the first and the last among them, evenly."""
    if count <= most:
        return list(range(1, count + 1))
    return sorted({1 + round(n * (count - 1) / (most - 1)) for n in range(most)})


def points(scenario: str, most: int) -> Iterator[tuple[str, str, int, str]]:
    """Yield what to hit: scenario, kind, number, what comes afterwards."""
    unhit = hit(scenario, "kill", 0)
    if unhit.faults or not unhit.answer.get("points"):
        sys.exit(f"{scenario}: fails with nothing hit: {'; '.join(unhit.faults)} {unhit.answer.get('said')}")
    counts: dict[str, int] = unhit.answer["points"]  # type: ignore[assignment]  # of JSON
    for kind in KINDS:
        for afterwards in AFTERWARDS[kind]:
            for at in chosen(counts.get(kind, 0), most if not afterwards else max(2, most // 4)):
                yield scenario, kind, at, afterwards


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as a table: work down, kinds across, mended of hit."""
    columns = [key for key in TITLES if any((o.kind, o.afterwards) == key for o in outcomes)]
    rows = [["work", *(TITLES[key] for key in columns), "left"], ["---"] * (len(columns) + 2)]
    for name, scenario in SCENARIOS.items():
        own = [o for o in outcomes if o.scenario == name]
        if own:
            cells = [[o for o in own if (o.kind, o.afterwards) == key] for key in columns]
            mended = [f"{sum(not o.faults for o in cell)} of {len(cell)}" for cell in cells]
            rows.append([scenario.what, *mended, str(sum(len(o.answer.get("left", [])) for o in own))])  # type: ignore[misc,arg-type]  # a list
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Run the matrix and print its table."""
    parser = argparse.ArgumentParser(description="Hit raymesh's work at many points; does the next run mend it?")
    parser.add_argument("--points", type=int, default=8, metavar="N", help="at most so many of a kind and work")
    parser.add_argument("--work", nargs="*", default=list(SCENARIOS), choices=list(SCENARIOS))
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("a box is made of namespaces: run this as root", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(2) as pool:
        hits = [pool.submit(_told, *point) for name in arguments.work for point in points(name, arguments.points)]
        outcomes = [one.result() for one in hits]
    bad = [outcome for outcome in outcomes if outcome.faults]
    print(f"\n{table(outcomes)}\n\n{len(outcomes)} points, {len(outcomes) - len(bad)} mended")
    return int(bool(bad))


def _told(scenario: str, kind: str, at: int, afterwards: str) -> Outcome:
    outcome = hit(scenario, kind, at, afterwards)
    faults = "; ".join(outcome.faults) or "mended"
    print(f"{scenario} {at} {TITLES[kind, afterwards]}: {faults}", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
