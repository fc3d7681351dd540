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

from raymesh.errors import CommandError, EnvironmentFault, InUse, WaitTimeout
from raymesh.machine import locks, ownership, trust
from raymesh.machine.programs import Completed, run
from raymesh.machine.toolbox import Toolbox, toolbox
from raymesh.paths import cache_dir
from raymesh.progress import Progress
from raymesh.waiting import wait_for

NAMESPACE = "raymesh"
RUN_DIR = Path("/run/raymesh")
# There is one private engine a machine, whatever cache folder a run uses: so are its locks. USERS is held by every run
# that uses it, START by whoever starts or ends it. START is taken first, or USERS without waiting.
USERS, START = "engine-users", "engine-start"
# Where raymesh 0.1 had its lock: such a run may still be at work.
OLD_USERS_LOCK = Path("/run/lock/raymesh-users")
SOCKET = RUN_DIR / "docker.sock"
PID_FILE = RUN_DIR / "engine.pid"
CONFIG = RUN_DIR / "daemon.json"  # written first and removed last: while it is there, what is called raymesh is ours
NETNS_FILE = Path("/run/netns") / NAMESPACE
HOST_LINK, INNER_LINK, BRIDGE = "raymesh-host", "raymesh-in", "raymesh0"
# Private ranges to try in turn: the first that no route of the machine covers is taken.
RANGES = ("10.213.0.0/16", "10.217.0.0/16", "172.29.0.0/16", "192.168.192.0/18")
CURE = "it needs a machine where root may mount and make namespaces; or start a Docker of your own"
START_SECONDS, STOP_SECONDS, ANSWER_SECONDS, PATIENCE_SECONDS = 60, 20, 15, 60
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
    """A Docker engine that answers. `address` is where its published ports can be reached from here.

    `architecture` is that of the machine on which it runs, as images name it; empty for this one's.
    """

    kind: str  # "docker" (the user's) or "private"
    version: str
    address: str
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    architecture: str = ""

    def docker(self, *words: str | Path, timeout: float = 120, check: bool = True) -> Completed:
        """Run the docker client. Raises CommandError."""
        return run(["docker", *words], timeout=timeout, env=self.environment, check=check)


@contextlib.contextmanager
def engine(progress: Progress, *, keep: Callable[[], bool]) -> Iterator[Engine]:
    """Yield the engine of this machine; a private one is started, and ended with its last user unless `keep()`.

    It is never ended while another run uses it or has a cluster in it. Raises EnvironmentFault where none answers and
    none can be started.
    """
    with locks.shared(locks.of_caches(), what="the cache folder", say=progress.say):
        users = users_engine()
        if users:
            yield users
            return
        _refuse_without_means()
        with locks.shared(locks.of_machine(USERS), what="the private engine", say=progress.say) as place:
            try:
                yield private(progress, place)
            finally:
                kept = keep()
        if not kept:
            stop_if_unused(progress)


def users_engine() -> Engine | None:
    """Return the engine that the docker client of this machine reaches, or None."""
    if not shutil.which("docker"):
        return None
    with contextlib.suppress(CommandError):
        asked = run(["docker", "version", "--format", "{{.Server.Version}} {{.Server.Arch}}"], timeout=ANSWER_SECONDS)
        version, _, machine = asked.stdout.strip().partition(" ")
        return Engine("docker", version, "127.0.0.1", architecture=machine)
    return None


def stop_if_unused(progress: Progress) -> None:
    """End the private engine if no other run uses it, and no cluster that was kept runs in it."""
    with contextlib.suppress(InUse), reserved():
        found = running(progress)
        kept = found.docker("ps", "--format", "{{.Names}}").stdout.split() if found else []
        if kept:
            progress.say(f"the private engine stays for {', '.join(kept)}; `raymesh clean` ends it")
        else:
            remove_private()


@contextlib.contextmanager
def reserved() -> Iterator[None]:
    """Keep every other run from the private engine. Raises InUse, which names who uses it, at once."""
    users, start = locks.of_machine(USERS), locks.of_machine(START)
    what = "the private engine"
    with locks.exclusive(start, what=what, within=0), locks.exclusive(users, what=what, within=0):
        older = [process for process in locks.holders(OLD_USERS_LOCK) if process.uids().real == 0]
        if older:
            raise InUse(f"{what} is in use by {locks.described(older[0])}", "wait until that ends")
        yield


def remove_private() -> None:
    """End the private engine and remove what it left: processes, network namespace, cgroups, sockets.

    Whoever calls holds it `reserved`. What only has its name, and was not made by raymesh, stays.
    """
    if not CONFIG.exists():
        shutil.rmtree(RUN_DIR, ignore_errors=True)
        return
    pid = recorded_pid()
    if pid:
        _end(pid)
    for child in _children:
        child.poll()
    if NETNS_FILE.exists():
        for left in run(["ip", "netns", "pids", NAMESPACE], timeout=30).stdout.split():
            with contextlib.suppress(ProcessLookupError):  # an engine that was started but not written down
                os.kill(int(left), signal.SIGKILL)
        run(["ip", "netns", "delete", NAMESPACE], timeout=30)
    # With its namespace the kernel removes the cable, too, some time later: it may go under our hands.
    wait_for(f"network link {HOST_LINK} gone", _deleted_link, until=bool, within=STOP_SECONDS, every=0.1)
    for group in _groups():
        for folder in sorted(group.rglob("*/"), key=lambda p: len(p.parts), reverse=True):
            with contextlib.suppress(OSError):  # a group that still holds another's process is not ours to end
                folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()
    for path in RUN_DIR.iterdir():
        if path != CONFIG:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    shutil.rmtree(RUN_DIR, ignore_errors=True)


def private_traces() -> list[str]:
    """Return what of a private engine is on the machine, be it running or killed; its data folder is a cache."""
    if not CONFIG.exists():
        return []
    pid = recorded_pid()
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


def _deleted_link() -> bool:
    if _link().exists():
        run(["ip", "link", "delete", HOST_LINK], timeout=30, check=False)
    return not _link().exists()


def _groups() -> list[Path]:
    return [group for group in (*CGROUPS.glob("*/raymesh"), CGROUPS / "raymesh") if group.exists()]


def private(progress: Progress, place: locks.Held) -> Engine:
    """Return the private engine, starting it where it does not run; `place` is this run's hold on it.

    Raises InUse where it runs, does not answer, and others use it.
    """
    with locks.exclusive(locks.of_machine(START), what="the start of the private engine", say=progress.say):
        found = running(progress)
        if found:
            return found
        if not place.alone():
            raise InUse(
                f"the private engine does not answer, and it is in use by {locks.who(place.path)}",
                f"read {_log_file()}; wait until those runs end, or end them",
            )
        return started(progress)


def running(progress: Progress) -> Engine | None:
    """Return the private engine if it runs and answers. A machine under load is given time."""
    if not recorded_pid():
        return None
    tools = toolbox("engine", progress, renew=False)  # the programs that it was started with
    with contextlib.suppress(WaitTimeout):
        return wait_for("the private engine", lambda: _answering(tools), until=bool, within=PATIENCE_SECONDS)
    return None


def started(progress: Progress) -> Engine:
    """Start the private engine anew. Whoever calls keeps others from it."""
    tools = toolbox("engine", progress)
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
    # Gigabytes of clusters that were ended in the middle: a node's volume goes with its container in order only.
    found.docker("volume", "prune", "--force", check=False)
    return found


def _answering(tools: Toolbox) -> Engine | None:
    """Return the private engine if it answers."""
    environment = _client_environment(tools)
    try:
        version = run(
            ["docker", "version", "--format", "{{.Server.Version}}"], timeout=ANSWER_SECONDS, env=environment
        ).stdout.strip()
        return Engine("private", version, _address(), environment)
    except CommandError:
        return None


def _start(tools: Toolbox) -> None:
    network, host, inner = _network()
    for name, there in ((f"network namespace {NAMESPACE}", NETNS_FILE), (f"network link {HOST_LINK}", _link())):
        if there.exists():
            raise EnvironmentFault(f"there is a {name} that raymesh did not make", "rename or delete it")
    trust.folder(cache_dir() / "engine")
    trust.folder(RUN_DIR)
    # First of all: by this file, what comes next is known as ours.
    CONFIG.write_text(json.dumps(_configuration(f"{network.network_address + 4096}/20")))
    first = f"{network.network_address + 257}/24"
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

    with _log_file().open("w") as log:
        process = subprocess.Popen(
            [
                # --kill-child: the namespace's first process, and with it all others, dies with this one.
                *("unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child=SIGKILL"),
                *("--mount-proc", "nsenter", f"--net={NETNS_FILE}", "dockerd", "--config-file", str(CONFIG)),
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


def _configuration(pools: str) -> dict[str, object]:
    """Return dockerd's daemon.json."""
    return {
        "data-root": str(cache_dir() / "engine" / "data"),
        "exec-root": str(RUN_DIR / "exec"),
        "pidfile": str(RUN_DIR / "dockerd.pid"),
        "hosts": [f"unix://{SOCKET}"],
        "bridge": BRIDGE,
        "cgroup-parent": "/raymesh",
        "default-address-pools": [{"base": pools, "size": 24}],
        "group": "root",
    }


def _client_environment(tools: Toolbox) -> dict[str, str]:
    config = cache_dir() / "engine" / "client"  # not the user's: what it names is for another engine
    return {**tools.environment, "DOCKER_HOST": f"unix://{SOCKET}", "DOCKER_CONFIG": str(config)}


def _address() -> str:
    """Return the engine's address, which is the one after ours on the cable between us. Raises CommandError."""
    [link] = json.loads(run(["ip", "-json", "-4", "address", "show", "dev", HOST_LINK], timeout=30).stdout)
    [ours] = [ipaddress.IPv4Address(row["local"]) for row in link["addr_info"]]
    return str(ours + 1)


def _network() -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Address, ipaddress.IPv4Address]:
    """Choose the range of a new private engine, our address in it and the engine's."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show"], timeout=30).stdout)
    used = [ipaddress.ip_network(route["dst"]) for route in routes if route["dst"] != "default"]
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


def recorded_pid() -> int | None:
    """Return the process id of the private engine that runs, or None."""
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
