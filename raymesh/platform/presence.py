"""Whether a cluster is still there: an API server that is silent for a moment is not one that is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from raymesh.deadlines import scaled
from raymesh.errors import ClusterGone

GONE_SECONDS = 45.0  # a control plane that starts anew is back by then
CURE = (
    "see whether the cluster is still there, then start again; what the run had made goes with it, or at the next start"
)


@dataclass
class Presence:
    """Asked where something did not answer. `unreachable` says why the API server does not, or nothing."""

    unreachable: Callable[[], str]
    since: float | None = None

    def check(self) -> None:
        """Raise ClusterGone where the API server has not answered for long."""
        why = self.unreachable()
        now = time.monotonic()
        self.since = (self.since if self.since is not None else now) if why else None
        if self.since is not None and now - self.since >= scaled(GONE_SECONDS):
            last = next((line for line in reversed(why.splitlines()) if "cure:" not in line), why).strip()
            raise ClusterGone(f"the API server has not answered for {now - self.since:.0f} s: {last}", CURE)
