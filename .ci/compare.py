"""What a run changed against the last one of each lane, as Markdown: `python .ci/compare.py NOW BEFORE PAGE`.

NOW has a folder `record-LANE` for each lane that ran, with its record.json. The one before is the newest that a run of
the default branch left as an artifact of that name, fetched into BEFORE with `gh`; without any, the committed one in
records/. The page goes to PAGE; the exit code is 1 where a verdict got worse.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_CHARS = 60000  # a comment of the code host has 65536
GH_SECONDS = 120


def main(now: Path, before: Path, page: Path) -> int:
    """Write the page; the exit code."""
    worse, parts = 0, []
    for folder in sorted(now.glob("record-*")):
        lane = folder.name.removeprefix("record-")
        old = _last(folder.name, before) or _committed(lane)
        if old is None:
            parts.append(f"### Lane {lane}\nThere is no earlier record of this lane.\n")
            continue
        words = [sys.executable, "-m", "raymesh", "compare", "--format", "markdown", old, folder / "record.json"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=GH_SECONDS)
        if done.returncode not in (0, 1):
            parts.append(f"### Lane {lane}\nNot compared: {done.stderr.strip()}\n")
        else:
            parts.append(f"### Lane {lane}\n{done.stdout}")
        worse |= done.returncode
    if not parts:
        sys.exit(f"there is no record below {now}: no run left one")
    text = "\n".join(parts)
    cut = f"{text[:MOST_CHARS].rpartition(chr(10))[0]}\n\nMore is in the artifacts.\n"
    page.write_text(text if len(text) <= MOST_CHARS else cut)
    return int(bool(worse))


def _last(name: str, before: Path) -> Path | None:
    """Fetch the newest artifact of that name that a finished run of the default branch left, and return its record."""
    repository, branch = os.environ["GITHUB_REPOSITORY"], os.environ["DEFAULT_BRANCH"]
    found = json.loads(_gh("api", f"repos/{repository}/actions/artifacts?name={name}&per_page=100") or "{}")
    for row in sorted(found.get("artifacts", []), key=lambda one: one["created_at"], reverse=True):
        run = row["workflow_run"]
        own = str(run["id"]) == os.environ["GITHUB_RUN_ID"]
        if row["expired"] or own or run["head_branch"] != branch or run["head_repository_id"] != run["repository_id"]:
            continue
        folder = before / name
        _gh("run", "download", str(run["id"]), "--name", name, "--dir", str(folder))
        if (folder / "record.json").exists():
            return folder / "record.json"
    return None


def _gh(*words: str) -> str:
    done = subprocess.run(["gh", *words], capture_output=True, text=True, check=False, timeout=GH_SECONDS)
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
    return done.stdout if done.returncode == 0 else ""


def _committed(lane: str) -> Path | None:
    """Return the newest committed record of a lane: their names begin with the lane's and end with a date."""
    found = sorted((ROOT / "records").glob(f"{lane}-*-????-??-??.json"), key=lambda path: path.stem[-10:])
    return found[-1] if found else None


if __name__ == "__main__":
    sys.exit(main(*(Path(word) for word in sys.argv[1:])))
