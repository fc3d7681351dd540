"""What a process of Ray is, from its command line."""

from __future__ import annotations

from pathlib import Path

import psutil

# These carry the command lines of their children in their own.
PROGRAMS = {"gcs_server": "gcs", "raylet": "raylet"}
# The first one that occurs in the command line wins. Ray renames its workers to `ray::...` once they have work.
KINDS = (
    ("ray::ServeReplica", "serve replica"),
    ("ray::ProxyActor", "serve proxy"),
    ("ray::ServeController", "serve controller"),
    ("ray::DashboardAgent", "dashboard agent"),
    ("ray::RuntimeEnvAgent", "runtime-env agent"),
    ("ray::", "worker"),
    ("default_worker.py", "worker"),
    ("runtime_env/agent/main.py", "runtime-env agent"),
    ("dashboard/agent.py", "dashboard agent"),
    ("dashboard/dashboard.py", "dashboard"),
    ("ray-dashboard", "dashboard"),
    ("ray.util.client.server", "client server"),
    ("log_monitor.py", "log monitor"),
    ("autoscaler/_private/monitor.py", "autoscaler"),
    ("autoscaler/v2/monitor.py", "autoscaler"),
    ("inside/workload.py", "driver"),
    ("ray.init", "driver"),
)
UNKNOWN = "unknown"


def process_name(pid: int) -> str:
    """Name of the process `pid`; `unknown` if it is gone."""
    try:
        return kind_of(" ".join(psutil.Process(pid).cmdline()))
    except psutil.Error:
        return UNKNOWN


def kind_of(command: str) -> str:
    """What the process with this command line is: a kind, else the name of its program."""
    words = command.split()
    program = Path(words[0]).name if words else UNKNOWN
    if program in PROGRAMS:
        return PROGRAMS[program]
    return next((kind for mark, kind in KINDS if mark in command), program)
