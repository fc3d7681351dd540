"""Ray's version numbers: read, compare, and the ones to stay away from."""

from __future__ import annotations

import re
from typing import NamedTuple

from raymesh.errors import UsageError

_FORM = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?![\d.])")


class Version(NamedTuple):
    """A Ray release, ordered as releases are."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = Version(2, 10)
NEWEST = Version(2, 60)
# docs.ray.io, KubeRay upgrade guide: "Don't use Ray 2.11.0-2.37.0" (the dashboard agent gets stuck, probes fail).
AVOID_FROM = Version(2, 11)
AVOID_BEFORE = Version(2, 38)


def parse_version(text: str, program: str = "Ray", like: str = "2.10.0") -> Version:
    """Read `2.10.0`, `2.10` or the tag of an image such as `2.10.0-py311-cpu`. Raises UsageError for the rest."""
    found = _FORM.match(text.strip())
    if not found:
        raise UsageError(f"{program} version {text!r}: a release such as {like}")
    return Version(int(found[1]), int(found[2]), int(found[3] or 0))


def avoid_reason(version: Version) -> str | None:
    """Why this Ray version should not be used on Kubernetes at all, or None."""
    if AVOID_FROM <= version < AVOID_BEFORE:
        return (
            f"Ray {version}: 2.11.0 to 2.37.0 have a dashboard agent that gets stuck after a job, "
            "so that the pods' probes fail; Ray's KubeRay upgrade guide says not to use them"
        )
    return None
