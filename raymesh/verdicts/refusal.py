"""Refusal: clients without a mesh identity are turned away at every port, and one with an identity is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from raymesh.verdicts.finding import Finding, some

Outsider = Literal["plaintext", "TLS 1.2", "TLS 1.3 without certificate"]
Client = Outsider | Literal["in the mesh"]
OUTSIDERS: tuple[Outsider, ...] = ("plaintext", "TLS 1.2", "TLS 1.3 without certificate")
WITNESS = "probe"

# refused: the other side took the connection and ended it before any answer, by reset, close or TLS alert.
# answered: bytes of the application came back. nobody: no connection, or silence; it proves nothing.
Outcome = Literal["refused", "answered", "nobody"]


@dataclass(frozen=True)
class Probe:
    """One attempt of one client at one port, and how it ended."""

    client: Client
    pod: str
    port: int
    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.client} to {self.pod}:{self.port} {self.outcome} {self.detail}".rstrip()


def outsiders_refused(
    probes: Sequence[Probe], *, ports: Collection[tuple[str, int]], answering: Collection[tuple[str, int]]
) -> tuple[Finding, ...]:
    """Judge probes of each (pod, port) in `ports` by every outsider, and of those in `answering` from the mesh."""
    outside = (_of_client(probes, client, ports, "refused") for client in OUTSIDERS)
    return *outside, _of_client(probes, "in the mesh", answering, "answered")


def _of_client(
    probes: Sequence[Probe], client: Client, wanted: Collection[tuple[str, int]], outcome: Outcome
) -> Finding:
    mine = [probe for probe in probes if probe.client == client]
    wrong = [str(probe) for probe in mine if probe.outcome != outcome]
    missing = sorted(set(wanted) - {(probe.pod, probe.port) for probe in mine})
    return Finding(
        f"{client}: {outcome}",
        ok=bool(wanted) and not wrong and not missing,
        expected=f"{len(set(wanted))} ports, each {outcome}",
        seen=f"{len(mine)} probes, other outcomes: {some(wrong)}; not probed: {some(missing)}",
        witness=WITNESS,
        figures={"probes": len(mine)},
    )
