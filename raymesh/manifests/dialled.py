"""Which ports the nodes of a cluster dial at each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raymesh.manifests.objects import Group
from raymesh.manifests.opened import number_of, worker_numbers
from raymesh.manifests.relating import Case
from raymesh.ports import WORKER_PORTS, Port

_ENOUGH = 1000


def numbers_of(group: Group, port: Port) -> Sequence[int]:
    """The numbers that a group gives a port; none if nobody knows them before it runs.

    Of a range that RM005 blames for its width by far, its beginning and its end: each port is asked of each policy.
    """
    if port.name == WORKER_PORTS:
        numbers = worker_numbers(group) or ()
        return numbers if len(numbers) <= _ENOUGH else [*numbers[: _ENOUGH - 1], numbers[-1]]
    number = number_of(group, port)
    return () if number is None else (number,)


def dialled(case: Case, source: Group, target: Group) -> Iterator[tuple[Port, Sequence[int]]]:
    """Ports with their numbers that pods of one group dial at pods of another."""
    for port in case.contract.ports:
        if target.role not in port.roles or not _crosses(port, source, target):
            continue
        numbers = numbers_of(target, port)
        if numbers:
            yield port, numbers


def _crosses(port: Port, source: Group, target: Group) -> bool:
    if source.role == "worker" and target.role == "worker":  # what goes both ways goes between workers, too
        return {"head->worker", "worker->head"} <= set(port.crosses) or "worker->worker" in port.crosses
    return f"{source.role}->{target.role}" in port.crosses


def dialled_numbers(case: Case, source: Group | None = None, target: Group | None = None) -> list[int]:
    """Every number that some node of a cluster dials at another; only those of one group, if it is given."""
    sources = [source] if source else case.cluster.groups
    targets = [target] if target else case.cluster.groups
    return sorted({n for s in sources for t in targets for _, numbers in dialled(case, s, t) for n in numbers})
