"""What a project has not cured yet: findings by rule, path and object. Lines move, so they are not in it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath

from raymesh.errors import UsageError
from raymesh.frozen import frozen
from raymesh.lint.diagnostics import Diagnostic

VERSION = 1
Key = tuple[str, str, str]  # rule, path relative to the baseline's folder, object


@frozen
class Baseline:
    """How many findings of a rule are known in an object of a file."""

    path: str
    known: Counter[Key]

    def key(self, finding: Diagnostic) -> Key:
        """What a finding is known by."""
        return _key(finding, Path(self.path).parent)

    def split(self, findings: Iterable[Diagnostic]) -> tuple[list[Diagnostic], list[Diagnostic]]:
        """New findings and known ones. Where a rule finds more in an object than is known, all of them are new."""
        counted: dict[Key, list[Diagnostic]] = {}
        fresh: list[Diagnostic] = []
        for finding in findings:
            if finding.unreadable:
                fresh.append(finding)
            else:
                counted.setdefault(self.key(finding), []).append(finding)
        old: list[Diagnostic] = []
        for key, found in counted.items():
            (old if len(found) <= self.known[key] else fresh).extend(found)
        return fresh, old

    def gone(self, findings: Iterable[Diagnostic]) -> int:
        """How many known findings are no longer there."""
        there = Counter(self.key(finding) for finding in findings)
        return sum((self.known - there).values())


def load_baseline(path: str) -> Baseline:
    """Read a baseline. Raises UsageError where it is none."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise UsageError(f"baseline {path}: version {data['version']!r}, not {VERSION}: write it anew")
        known = Counter({(e["rule"], e["path"], e["object"]): int(e["count"]) for e in data["findings"]})
    except OSError as error:
        raise UsageError(f"baseline {path}: {error.strerror}; --write-baseline {path} makes it") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"baseline {path}: not a baseline of raymesh: {error!r}") from error
    return Baseline(path, known)


def as_baseline(path: str, findings: Iterable[Diagnostic]) -> str:
    """The text of a baseline at `path` that knows all findings, in an order that makes changes of it readable."""
    counted = Counter(_key(f, Path(path).parent) for f in findings if not f.unreadable)
    rows = [{"rule": r, "path": p, "object": o, "count": n} for (r, p, o), n in sorted(counted.items())]
    return json.dumps({"version": VERSION, "findings": rows}, indent=1) + "\n"


def _key(finding: Diagnostic, folder: Path) -> Key:
    path = finding.origin or finding.place.path
    if path != "-" and not finding.origin:
        path = os.path.relpath(path, folder)
    return finding.rule, PurePath(path).as_posix(), finding.resource
