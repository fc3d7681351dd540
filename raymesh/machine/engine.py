"""The Docker engine: the user's own where it answers, else a private one in namespaces of its own.

The private engine lives in its own network, mount and process-id namespaces. Its bridges, firewall rules and mounts
are therefore invisible to the machine, nothing in it has a route off the machine, and ending one process ends it
whole, however it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from raymesh.errors import CommandError, EnvironmentFault, WaitTimeout
from raymesh.machine import locks, ownership
from raymesh.machine.programs import Completed, run
from raymesh.machine.toolbox import Toolbox, toolbox
from raymesh.paths import cache_dir
from raymesh.progress import Progress
from raymesh.waiting import wait_for

NAMESPACE = "raymesh"
RUN_DIR = Path("/run/raymesh")
# There is one private engine a machine, whatever cache folder a run uses: so are its locks.
USERS_LOCK, START_LOCK = Path("/run/lock/raymesh-users"), Path("/run/lock/raymesh-start")
SOCKET = RUN_DIR / "docker.sock"
PID_FILE = RUN_DIR / "engine.pid"
NETNS_FILE = Path("/run/netns") / NAMESPACE
HOST_LINK, INNER_LINK, BRIDGE = "raymesh-host", "raymesh-in", "raymesh0"
# Private ranges to try in turn: the first that no route of the machine covers is taken.
RANGES = ("10.213.0.0/16", "10.217.0.0/16", "172.29.0.0/16", "192.168.192.0/18")
CURE = "it needs a machine where root may mount and make namespaces; or start a Docker of your own"
START_SECONDS, STOP_SECONDS, ANSWER_SECONDS = 60, 20, 15
CGROUPS = Path("/sys/fs/cgroup")
# Engines that this process started. They outlive the call that did, and a Popen that is dropped while its program runs
# is a ResourceWarning, which pytest makes an error of whatever test is under way.
_children: list[subprocess.Popen[bytes]] = []


@atexit.register
def _let_go() -> None:
    """Drop a kept engine without a word: here it is no leak."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        _children.clear()


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers. `address` is where its published ports can be reached from here."""

    kind: str  # "docker" (the user's) or "private"
    version: str
    address: str
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    def docker(self, *words: str | Path, timeout: float = 120, check: bool = True) -> Completed:
        """Run the docker client. Raises CommandError."""
        return run(["docker", *words], timeout=timeout, env=self.environment, check=check)


@contextlib.contextmanager
def engine(progress: Progress, *, keep: Callable[[], bool]) -> Iterator[Engine]:
    """Yield the engine of this machine; a private one is started, and ended with its last user unless `keep()`.

    Raises EnvironmentFault where none answers and none can be started.
    """
    users = users_engine()
    if users:
        yield users
        return
    _refuse_without_means()
    with locks.shared(USERS_LOCK):
        try:
            yield private(progress)
        finally:
            kept = keep()
    if not kept:
        stop_if_unused()


def users_engine() -> Engine | None:
    """Return the engine that the docker client of this machine reaches, or None."""
    if not shutil.which("docker"):
        return None
    with contextlib.suppress(CommandError):
        version = run(["docker", "version", "--format", "{{.Server.Version}}"], timeout=ANSWER_SECONDS).stdout.strip()
        return Engine("docker", version, "127.0.0.1")
    return None


def stop_if_unused() -> None:
    """End the private engine if no other run uses it."""
    if locks.is_free(USERS_LOCK):
        with locks.exclusive(START_LOCK):
            remove_private()


def remove_private() -> None:
    """End the private engine and remove what it left: processes, network namespace, cgroups, sockets."""
    pid = _recorded_pid()
    if pid:
        _end(pid)
    for child in _children:
        child.poll()
    if NETNS_FILE.exists():
        for left in run(["ip", "netns", "pids", NAMESPACE], timeout=30).stdout.split():
            with contextlib.suppress(ProcessLookupError):  # an engine that was started but not written down
                os.kill(int(left), signal.SIGKILL)
        run(["ip", "netns", "delete", NAMESPACE], timeout=30)
    if _link().exists():
        run(["ip", "link", "delete", HOST_LINK], timeout=30)
    for group in _groups():
        for folder in sorted(group.rglob("*/"), key=lambda p: len(p.parts), reverse=True):
            with contextlib.suppress(OSError):  # a group that still holds another's process is not ours to end
                folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()
    shutil.rmtree(RUN_DIR, ignore_errors=True)


def private_traces() -> list[str]:
    """Return what of a private engine is on the machine, be it running or killed; its data folder is a cache."""
    pid = _recorded_pid()
    there = {
        f"engine process {pid}": pid is not None,
        f"network namespace {NAMESPACE}": NETNS_FILE.exists(),
        f"network link {HOST_LINK}": _link().exists(),
        "control groups raymesh": bool(_groups()),
        f"folder {RUN_DIR}": RUN_DIR.exists(),
    }
    return [trace for trace, is_there in there.items() if is_there]


def holds_containers() -> bool:
    """Tell whether the private engine's data folder holds containers, such as those of a cluster it was killed with."""
    folder = cache_dir() / "engine" / "data" / "containers"
    return folder.is_dir() and any(folder.iterdir())


def _link() -> Path:
    return Path("/sys/class/net", HOST_LINK)


def _groups() -> list[Path]:
    return [group for group in (*CGROUPS.glob("*/raymesh"), CGROUPS / "raymesh") if group.exists()]


def private(progress: Progress) -> Engine:
    """Return the private engine, starting it where it does not run."""
    with locks.exclusive(START_LOCK):
        tools = toolbox("engine", progress)
        if _recorded_pid() and (found := _answering(tools)):
            return found
        with progress.phase("start a private Docker engine"):
            remove_private()  # whatever a killed one left
            try:
                _start(tools)
            except BaseException:
                remove_private()
                raise
        found = _answering(tools)
    if not found:
        raise EnvironmentFault("the private engine does not answer", f"read {_log_file()}")
    return found


def _answering(tools: Toolbox) -> Engine | None:
    """Return the private engine if it answers."""
    environment = _client_environment(tools)
    try:
        version = run(
            ["docker", "version", "--format", "{{.Server.Version}}"], timeout=ANSWER_SECONDS, env=environment
        ).stdout.strip()
    except CommandError:
        return None
    return Engine("private", version, str(_network()[2]), environment)


def _start(tools: Toolbox) -> None:
    network, host, inner = _network()
    for folder in (RUN_DIR, cache_dir() / "engine"):
        folder.mkdir(parents=True, exist_ok=True)
    first = f"{network.network_address + 257}/24"
    pools = f"{network.network_address + 4096}/20"
    environment = tools.environment

    def ip(*words: str) -> None:
        try:
            run(["ip", *words], timeout=30, env=environment)
        except CommandError as error:
            raise EnvironmentFault(
                f"the private Docker engine can't have a network of its own\n{error}", CURE
            ) from error

    ip("netns", "add", NAMESPACE)
    ip("link", "add", HOST_LINK, "type", "veth", "peer", "name", INNER_LINK, "netns", NAMESPACE)
    ip("address", "add", f"{host}/30", "dev", HOST_LINK)
    ip("link", "set", HOST_LINK, "up")
    ip("-n", NAMESPACE, "address", "add", f"{inner}/30", "dev", INNER_LINK)
    ip("-n", NAMESPACE, "link", "add", BRIDGE, "type", "bridge")
    ip("-n", NAMESPACE, "address", "add", first, "dev", BRIDGE)
    for link in ("lo", INNER_LINK, BRIDGE):
        ip("-n", NAMESPACE, "link", "set", link, "up")

    config = RUN_DIR / "daemon.json"
    config.write_text(
        json.dumps(
            {
                "data-root": str(cache_dir() / "engine" / "data"),
                "exec-root": str(RUN_DIR / "exec"),
                "pidfile": str(RUN_DIR / "dockerd.pid"),
                "hosts": [f"unix://{SOCKET}"],
                "bridge": BRIDGE,
                "cgroup-parent": "/raymesh",
                "default-address-pools": [{"base": pools, "size": 24}],
                "group": "root",
            }
        )
    )
    with _log_file().open("w") as log:
        process = subprocess.Popen(
            [
                # --kill-child: the namespace's first process, and with it all others, dies with this one.
                *("unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child=SIGKILL"),
                *("--mount-proc", "nsenter", f"--net={NETNS_FILE}", "dockerd", "--config-file", str(config)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C at the terminal is for the run, which then ends the engine in order
        )
    PID_FILE.write_text(f"{process.pid} {ownership.started(process.pid)}")
    _children.append(process)

    def answers() -> bool:
        if process.poll() is not None:
            last = _log_file().read_text(errors="replace").strip().splitlines()[-8:]
            raise EnvironmentFault(
                "the private Docker engine ended at its start:\n  " + "\n  ".join(last),
                CURE,
            )
        return run(["docker", "version"], timeout=ANSWER_SECONDS, env=_client_environment(tools), check=False).code == 0

    try:
        wait_for("private engine answers", answers, until=bool, within=START_SECONDS, every=0.5)
    except WaitTimeout as error:
        raise EnvironmentFault(str(error), f"read {_log_file()}") from error


def _client_environment(tools: Toolbox) -> dict[str, str]:
    config = cache_dir() / "engine" / "client"  # not the user's: what it names is for another engine
    return {**tools.environment, "DOCKER_HOST": f"unix://{SOCKET}", "DOCKER_CONFIG": str(config)}


def _network() -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Address, ipaddress.IPv4Address]:
    """Return the range of the private engine, our address in it and the engine's."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show"], timeout=30).stdout)
    used = [
        ipaddress.ip_network(route["dst"])
        for route in routes
        if route["dst"] != "default" and route.get("dev") != HOST_LINK
    ]
    for text in RANGES:
        network = ipaddress.IPv4Network(text)
        if not any(network.overlaps(other) for other in used):
            return network, network.network_address + 1, network.network_address + 2
    raise EnvironmentFault(f"every address range that could be used is taken: {', '.join(RANGES)}", "free one of them")


def _refuse_without_means() -> None:
    if os.geteuid() != 0:
        raise EnvironmentFault(
            "no Docker engine answers, and only root can start a private one",
            "start Docker, or run this as root on Debian 12 or newer",
        )
    missing = [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]
    if missing:
        raise EnvironmentFault(
            f"no Docker engine answers, and a private one needs: {', '.join(missing)}",
            "apt-get install util-linux iproute2",
        )


def _log_file() -> Path:
    return cache_dir() / "engine" / "dockerd.log"


def _recorded_pid() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        pid, started = PID_FILE.read_text().split()
        if ownership.started(int(pid)) == started:
            return int(pid)
    return None


def _end(pid: int) -> None:
    """Ask dockerd to end in order, then end what is left."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGTERM)
    gone = f"engine process {pid} ended"
    try:
        wait_for(gone, lambda: _alive(pid), until=lambda alive: not alive, within=STOP_SECONDS, every=0.2)
    except WaitTimeout:
        os.kill(pid, signal.SIGKILL)
        wait_for(gone, lambda: _alive(pid), until=lambda alive: not alive, within=STOP_SECONDS, every=0.2)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
