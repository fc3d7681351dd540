"""A fault, as far as those tell of it who do not know faults: pages and records."""

from __future__ import annotations

from typing import Protocol

from raymesh.verdicts.catalog import Verdict


class FaultLike(Protocol):
    """A deliberate break with the verdicts that it turns red. raymesh/faults has them."""

    @property
    def id(self) -> str:
        """Its name, never used for another one."""

    @property
    def title(self) -> str:
        """What is broken."""

    @property
    def family(self) -> str:
        """Its class: faults of one kind."""

    @property
    def turns_red(self) -> frozenset[Verdict]:
        """All the verdicts that it turns red."""
