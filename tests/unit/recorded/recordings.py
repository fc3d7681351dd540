"""Answers of a green run's witnesses, as recorded or with one of them doctored in memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")

DATA = Path(__file__).parents[1] / "data"
FOLDER = DATA / "seed-build-2026-11-23"
LATER = DATA / "seed-build-2026-11-24"  # Prometheus alone, before and after
LANE = "seed"
HEAD, WORKER = sorted(path.name.split("-", 1)[1].rsplit("-", 1)[0] for path in FOLDER.glob("envoy-*-stats.json"))


@dataclass(frozen=True)
class Doctored:
    """One file of the recording, and what is done to a copy of its JSON."""

    file: str
    change: Callable[[Any], object]


@cache
def recorded(file: str) -> str:
    """Return an answer word for word; large ones are kept compressed."""
    path = (LATER if file.startswith("prometheus-") else FOLDER) / file
    return path.read_text() if path.exists() else gzip.decompress((FOLDER / f"{file}.gz").read_bytes()).decode()


def parsed(parse: Callable[[str], T], file: str, doctored: Doctored | None = None) -> T:
    """Return what the parser makes of an answer, changed where it is the one to be doctored."""
    if doctored is None or doctored.file != file:
        return cast("T", _parsed(parse, file))
    answer = json.loads(recorded(file))
    doctored.change(answer)
    text = json.dumps(answer)
    assert text != _parsed(_rewritten, file), "the doctor found nothing to change"
    return parse(text)


@cache
def _parsed(parse: Callable[[str], object], file: str) -> object:
    return parse(recorded(file))


def _rewritten(text: str) -> str:
    return json.dumps(json.loads(text))
