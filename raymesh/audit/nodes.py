"""Ray nodes on hosts: `ray start` with the contract's flags, as KubeRay would call it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from raymesh.audit.environments import RayEnvironment
from raymesh.audit.hosts import HEAD_SERVICE, LOOPBACK, Host, Hosts
from raymesh.errors import RaymeshError
from raymesh.machine.programs import start
from raymesh.ports import Contract
from raymesh.ports.model import Role

OBJECT_STORE_BYTES = 150_000_000
FAR = "far"  # a resource that only the worker has: what asks for it runs on the other host
NO_SUCH_OPTION = re.compile(r"no such option:?\s*'?(?P<flag>--[a-z0-9-]+)", re.IGNORECASE)
FATAL = re.compile(r" C \d+ \d+\] ")  # how Ray's C++ processes mark the message that they die of
TAIL_LINES = 15


class StartError(RaymeshError):
    """`ray start --block` ended, so that nothing of this node can be measured. `log` is all that it printed."""

    def __init__(self, role: Role, code: int, log: str) -> None:
        tail = "\n".join(f"  | {line}" for line in log.strip().splitlines()[-TAIL_LINES:])
        super().__init__(f"`ray start` of the {role} ended with code {code}:\n{tail}")
        self.log = log

    @property
    def refused_flags(self) -> tuple[str, ...]:
        """Flags that this Ray version does not know; it names the first one only."""
        return tuple(found["flag"] for found in NO_SUCH_OPTION.finditer(self.log))


@dataclass(frozen=True)
class Node:
    """A `ray start --block` that runs on a host."""

    host: Host
    process: subprocess.Popen[str]
    log: Path

    def check(self) -> None:
        """Raise StartError if it runs no longer."""
        code = self.process.poll()
        if code is not None:
            raise StartError(self.host.role, code, self.log.read_text(errors="replace"))

    def cause(self) -> str:
        """The fatal line of what it printed, else the last line."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return next((line for line in lines if FATAL.search(line)), lines[-1] if lines else "it printed nothing")


def start_command(ray: RayEnvironment, host: Host, hosts: Hosts, params: Mapping[str, str]) -> list[str]:
    """The words of `ray start` for one host; `params` are its rayStartParams."""
    words = [*host.prefix, str(ray.ray), "start", "--block", "--num-cpus=1"]
    words += [f"--object-store-memory={OBJECT_STORE_BYTES}", f"--node-ip-address={host.fqdn}"]
    words += [f"--{key}={value}" for key, value in params.items()]
    if host.role == "head":
        return [*words, "--head", "--port=6379", "--dashboard-host=0.0.0.0"]
    return [*words, f"--address={gcs_address(hosts)}", f'--resources={{"{FAR}": 100}}']


def gcs_address(hosts: Hosts) -> str:
    """Where the GCS answers: KubeRay gives workers the name of the head's Service."""
    return f"{LOOPBACK if hosts.head.address == LOOPBACK else HEAD_SERVICE}:6379"


@contextmanager
def ray_node(
    ray: RayEnvironment, host: Host, hosts: Hosts, contract: Contract, extra: Mapping[str, str]
) -> Iterator[Node]:
    """Start a node and end it. `extra` are rayStartParams beyond the contract's; what Ray leaves dies with the host."""
    params = {**contract.ray_start_params(host.role), **extra}
    folder = hosts.folder / host.role  # everything that runs here has it as working folder
    folder.mkdir()
    log = folder / "ray-start.log"
    with log.open("w") as sink:
        process = start(
            start_command(ray, host, hosts, params),
            environ=clean_environment(ray, hosts),
            cwd=folder,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Node(host, process, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its host goes next: nobody needs a graceful end
        process.wait()


def clean_environment(ray: RayEnvironment, hosts: Hosts) -> dict[str, str]:
    """The environment for Ray: the machine's own without what would steer Python or Ray."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "PYTHON"))}
    path = os.pathsep.join([str(ray.folder / "bin"), kept.get("PATH", os.defpath)])
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1", "RAY_TMPDIR": str(hosts.temp), "RAY_USAGE_STATS_ENABLED": "0"}
