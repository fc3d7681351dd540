"""Gathers what one policy does to many clusters, so that it is said once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from raymesh.manifests.objects import Cluster
from raymesh.manifests.opened import ranges
from raymesh.manifests.places import Place
from raymesh.manifests.tree import Value

_MOST_NAMES = 3


@dataclass
class Saying:
    """One thing that is wrong, with the clusters and the port numbers that it concerns."""

    where: Value
    message: str
    clusters: list[Cluster] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    @property
    def names(self) -> str:
        """The clusters in few words."""
        some = ", ".join(c.name.text for c in self.clusters[:_MOST_NAMES])
        return some if len(self.clusters) <= _MOST_NAMES else f"{some} and {len(self.clusters) - _MOST_NAMES} more"

    @property
    def ports(self) -> str:
        """The port numbers in few words."""
        return ranges(sorted(self.numbers))


class Told:
    """What is wrong, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[Place, str], Saying] = {}

    def add(self, where: Value, message: str, cluster: Cluster, numbers: Iterable[int] = ()) -> None:
        """Say it of one more cluster, and of these ports."""
        saying = self._found.setdefault((where.place, message), Saying(where, message))
        saying.numbers.update(numbers)
        if not any(c is cluster for c in saying.clusters):
            saying.clusters.append(cluster)

    def __iter__(self) -> Iterator[Saying]:
        """All that was said, in its order."""
        return iter(self._found.values())
