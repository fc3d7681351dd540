"""Which lanes a CI run proves, as JSON: `python .ci/lanes.py EVENT [WORDS]`, or one for the day: `... rotate`.

A pull request runs `seed`, a nightly all, and who starts one by hand names them (`all`, or `stable edge`). `rotate`
prints a name alone: each lane but the first has its day in turn, counted by the date of the commit, so that a commit
has the same lane wherever and whenever it is tried.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DAY_SECONDS = 86400


def lanes() -> list[str]:
    """Return the names of lanes.yaml, in its order."""
    return list(yaml.safe_load((ROOT / "manifests" / "lanes.yaml").read_text())["lanes"])


def chosen(event: str, words: str, known: list[str]) -> list[str]:
    """Return the lanes of a run. Exits where somebody names one that is not there."""
    if event == "schedule" or words.split() == ["all"]:
        return known
    if not words.split():
        return known[:1]
    named = list(dict.fromkeys(words.replace(",", " ").split()))
    if unknown := [name for name in named if name not in known]:
        sys.exit(f"no lane {', '.join(unknown)}: all, or of {', '.join(known)}")
    return named


def of_day(seconds: int, known: list[str]) -> str:
    """Return the lane whose turn it is at a time (seconds since the epoch)."""
    others = known[1:]
    return others[seconds // DAY_SECONDS % len(others)]


def _commit_time() -> int:
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    event, *rest = sys.argv[1:]
    print(of_day(_commit_time(), lanes()) if event == "rotate" else json.dumps(chosen(event, " ".join(rest), lanes())))
