"""Which flags `ray start` takes, per Ray version: read from scripts.py of 15 released builds from 2.10.0 to 2.60.0."""

from __future__ import annotations

import re
from typing import NamedTuple

from raymesh.ports.versions import Version


class Span(NamedTuple):
    """The versions that take a flag: from `since` on (None: from the oldest known), before `until`."""

    since: Version | None = None
    until: Version | None = None

    def holds(self, version: Version) -> bool:
        """Whether this version takes the flag."""
        return (self.since is None or version >= self.since) and (self.until is None or version < self.until)


_ALWAYS = (
    "address autoscaling-config block dashboard-agent-grpc-port dashboard-agent-listen-port dashboard-host "
    "dashboard-port disable-usage-stats enable-object-reconstruction head include-dashboard labels log-color log-style "
    "max-worker-port memory metrics-export-port min-worker-port no-monitor no-redirect-output node-ip-address "
    "node-manager-port node-name num-cpus num-gpus object-manager-port object-store-memory plasma-directory port "
    "ray-client-server-port ray-debugger-external redis-password redis-shard-ports resources runtime-env-agent-port "
    "system-config temp-dir tracing-startup-hook verbose worker-port-list"
)
FLAGS: dict[str, Span] = {
    **dict.fromkeys(_ALWAYS.split(), Span()),
    "redis-max-memory": Span(until=Version(2, 44)),
    **dict.fromkeys(("include-log-monitor", "redis-username"), Span(since=Version(2, 41))),
    **dict.fromkeys(
        (
            "cgroup-path",
            "enable-resource-isolation",
            "labels-file",
            "object-spilling-directory",
            "system-reserved-cpu",
            "system-reserved-memory",
        ),
        Span(since=Version(2, 45)),
    ),
    # https://github.com/ray-project/ray/pull/53675
    **dict.fromkeys(
        ("dashboard-grpc-port", "gcs-server-port", "plasma-store-socket-name", "raylet-socket-name", "storage"),
        Span(until=Version(2, 48)),
    ),
    "proxy-server-url": Span(since=Version(2, 55)),
}

# How `ray start` reads a value (the types of click in scripts.py); the rest is text.
NUMBER_FLAGS = frozenset(
    name for name in FLAGS if name == "port" or name.endswith(("-port", "num-cpus", "num-gpus"))
) | {"memory", "object-store-memory", "redis-max-memory", "system-reserved-memory"}
SWITCHES = frozenset(
    (
        "block",
        "disable-usage-stats",
        "enable-object-reconstruction",
        "enable-resource-isolation",
        "head",
        "no-monitor",
        "no-redirect-output",
        "ray-debugger-external",
        "verbose",
    )
)
YES_NO_FLAGS = frozenset(("include-dashboard", "include-log-monitor"))


# Names that people use for a flag: Ray's own inner names, those of older Ray, and singulars.
_ALIASES = {
    "metrics-agent-port": "dashboard-agent-grpc-port",
    "dashboard-agent-http-port": "dashboard-agent-listen-port",
    "metrics-port": "metrics-export-port",
    "redis-port": "port",
    "gcs-port": "port",
    "client-port": "ray-client-server-port",
    "client-server-port": "ray-client-server-port",
    "ray-client-port": "ray-client-server-port",
    "runtime-env-port": "runtime-env-agent-port",
    "max-worker-ports": "max-worker-port",
    "min-worker-ports": "min-worker-port",
    "worker-ports-list": "worker-port-list",
    "num-cpu": "num-cpus",
    "num-gpu": "num-gpus",
    "node-ip": "node-ip-address",
    "webui-host": "dashboard-host",
}
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def meant_flag(name: str) -> tuple[str | None, bool]:
    """The flag that an unknown name was meant to be, and whether that is sure.

    Sure is another spelling of the same words (`num_cpus`, `--numCpus`) and what people are known to confuse. The
    nearest name is only a guess: another flag may be meant, or none.
    """
    plain = _CAPITAL.sub("-", name.strip().lstrip("-")).replace("_", "-").lower()
    if plain in FLAGS:
        return plain, True
    if plain in _ALIASES:
        return _ALIASES[plain], True
    from difflib import get_close_matches  # noqa: PLC0415 - for findings alone, and start-up should be short

    return next(iter(get_close_matches(name, FLAGS, n=1)), None), False
