"""Answers of a green run's witnesses, as recorded or with one of them doctored in memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from raymesh.ports import Role
from raymesh.subject import RayPod
from raymesh.witness.pods import Pod
from tests.unit.subject.guides import guides

T = TypeVar("T")

DATA = Path(__file__).parents[1] / "data"
FOLDER = DATA / "seed-build-2026-11-25"
EARLIER = DATA / "seed-build-2026-11-23"  # Jaeger's answers alone
SUBJECT = guides().subject
HEAD, WORKER = sorted(path.name.split("-", 1)[1].rsplit("-", 1)[0] for path in FOLDER.glob("envoy-*-stats.json"))
PODS = (HEAD, WORKER)


@dataclass(frozen=True)
class Doctored:
    """One file of the recording, and what is done to a copy of its JSON."""

    file: str
    change: Callable[[Any], object]


def member(name: str, role: Role, ip: str) -> RayPod:
    """A Ray pod of a recording, by what the recording says of it."""
    pod = Pod(
        name=name, namespace=SUBJECT.namespace, labels={}, ip=ip, ready=True, service_account=SUBJECT.name,
        containers=(), init_containers=(), annotations={}, host_network=False,
    )  # fmt: skip
    return RayPod(pod, role, "", SUBJECT.host(ip), "ray")


@cache
def recorded(file: str) -> str:
    """Return an answer word for word; large ones are kept compressed."""
    path = (EARLIER if file.startswith("jaeger-") else FOLDER) / file
    return path.read_text() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes()).decode()


def parsed(parse: Callable[[str], T], file: str, doctored: Doctored | None = None) -> T:
    """Return what the parser makes of an answer, changed where it is the one to be doctored."""
    if doctored is None or doctored.file != file:
        return cast("T", _parsed(parse, file))
    before, answer, after = _split(recorded(file))
    doctored.change(answer)
    text = json.dumps(answer)
    assert text != _rewritten(file), "the doctor found nothing to change"
    return parse(f"{before}{text}{after}")


@cache
def _parsed(parse: Callable[[str], object], file: str) -> object:
    return parse(recorded(file))


@cache
def _rewritten(file: str) -> str:
    return json.dumps(_split(recorded(file))[1])


def _split(text: str) -> tuple[str, Any, str]:
    """Return the JSON of an answer, and the mark in front of it where a program printed it."""
    at = text.index("{")
    return text[:at], json.loads(text[at:]), "\n"
