"""A record of a large cluster: 50 workers, 400 ports, every verdict of every pod, a fault a verdict."""

from __future__ import annotations

from dataclasses import replace

from raymesh.evidence.record import FaultRun, Judgement, Record, Red, SubjectPod
from raymesh.evidence.sights import CallsSeen, PortSeen, ReceivedSeen, SidecarSeen
from raymesh.progress import Timing
from raymesh.verdicts.catalog import VERDICTS
from tests.unit.evidence.records import GREEN, POD, SIGHTS, SPIFFE, fault

WORKERS, PORTS = 50, 400


def large() -> Record:
    """Return it; all is green but one finding and one fault."""
    assert GREEN.subject is not None
    groups = ["headgroup", *(f"group-{number % 4}" for number in range(WORKERS))]
    pods = [POD, *(f"raycluster-large-worker-group-{number % 4}-{number:05x}" for number in range(WORKERS))]
    roles = ["head", *["worker"] * WORKERS]
    ids = list(VERDICTS)
    return replace(
        GREEN,
        subject=replace(
            GREEN.subject, pods=tuple(SubjectPod(*one, "10-0-0-1") for one in zip(pods, roles, groups, strict=True))
        ),
        status="failed",
        judgements=tuple(judged(id_, pod, ok=(id_, pod) != (ids[5], pods[7])) for id_ in ids for pod in pods),
        faults=tuple(broken(ids, number) for number in range(len(ids))),
        phases=tuple(Timing(f"phase {n}", n * 7.5, 20.0, True) for n in range(60)),
        sights=replace(
            SIGHTS,
            ports=tuple(port(10002 + n) for n in range(PORTS)),
            calls=tuple(CallsSeen(one, other, "grpc", 42, 0) for one in pods for other in pods[:8] if one != other),
            sidecars=tuple(sidecar(pod) for pod in pods),
            received=tuple(
                ReceivedSeen(pod, kind, "mutual_tls", SPIFFE, 5475) for pod in pods for kind in ("grpc", "tcp")
            ),
        ),
    )


def judged(id_: str, pod: str, *, ok: bool) -> Judgement:
    return Judgement(f"test_{id_}", id_, pod, ok, "each of 12", "12 of 12", "Envoy", {"calls": 12})


def broken(ids: list[str], number: int) -> FaultRun:
    """A fault that turns some verdicts red and names one of them; the first names none."""
    return fault(
        expected=(VERDICTS[ids[number]],) if number else (),
        fault=f"fault-{ids[number]}",
        family=f"class {ids[number][:2]}",
        red=tuple(Red(one, POD, "answered", "probe") for one in ids[number : number + 4]),
    )


def port(number: int) -> PortSeen:
    """One that listens in some pods and is as it should be."""
    ways = ("head->worker",)
    seen = number % 3
    return PortSeen(
        *("worker", number, "worker-ports", "grpc", "headless", "grpc", WORKERS, seen, ("raylet",), WORKERS, WORKERS),
        *(("grpc",), ways, ways, number, 5, 5),
    )


def sidecar(pod: str) -> SidecarSeen:
    return SidecarSeen(pod, 2**26, 2**25, 400, 450, 1200, 5400, 890.5, {"TLSv1.3": 77})
