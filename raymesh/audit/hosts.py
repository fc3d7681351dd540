"""The hosts of a head and a worker: two network namespaces as two pods, or the machine's own loopback."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from raymesh.machine import locks, netns, owned
from raymesh.ports.model import Role

DOMAIN = "raycluster-istio-headless-svc.default.svc.cluster.local"
HEAD_SERVICE = "raycluster-istio-head-svc.default.svc.cluster.local"
ADDRESSES: dict[Role, str] = {"head": "10.77.0.1", "worker": "10.77.0.2"}
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Host:
    """One host. `prefix` starts a program on it; `owns` tells whether a process runs on it."""

    role: Role
    address: str
    fqdn: str
    prefix: tuple[str, ...]
    owns: Callable[[int], bool]
    anchor: int  # a process of this host: its /proc shows the host's sockets
    namespace: str = ""  # empty: the machine itself

    def pids(self) -> list[int]:
        """Processes that run on this host now."""
        return owned.pids(self.owns)


@dataclass(frozen=True)
class Hosts:
    """The hosts of one audit, the head first, and a folder that goes when they go.

    `temp` is where Ray keeps its sessions: one path, but a folder of its own on each host, as in two pods.
    """

    all: tuple[Host, ...]
    folder: Path

    @property
    def head(self) -> Host:
        return self.all[0]

    @property
    def temp(self) -> Path:
        return _temp(self.folder)

    @property
    def power(self) -> str:
        """What these hosts can show, for the report."""
        if self.head.namespace:
            return f"{len(self.all)} hosts in network namespaces"
        return "loopback: one host, so that nothing can cross (two hosts need root)"

    def write_names(self, known: Mapping[str, str]) -> None:
        """Replace what the hosts can resolve; it holds from the next question on."""
        _names(self.folder).write_text("".join(f"{address} {name}\n" for name, address in known.items()))


@contextmanager
def hosts(*, loopback: bool) -> Iterator[Hosts]:
    """Make the hosts and remove them with all that runs on them, however the block ends."""
    remove_stale()
    own = owned.name()
    with ExitStack() as stack:
        stack.enter_context(locks.shared(locks.of_caches(), what="the cache folder"))  # Ray runs from there
        folder = Path(tempfile.gettempdir()) / own
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        _temp(folder).mkdir()
        if loopback:
            yield Hosts((_loopback_host(folder, stack),), folder)
            return
        made = Hosts(tuple(_namespace_host(f"{own}-{role}", role, folder, stack) for role in ADDRESSES), folder)
        made.write_names(known_names())
        netns.connect({host.namespace: host.address for host in made.all})
        yield made


def remove_stale() -> None:
    """Remove namespaces and folders of runs that were killed, with the processes left in those namespaces."""
    if netns.allowed():
        for name in netns.present():
            if owned.is_stale(name):
                netns.remove(name)
    for path in Path(tempfile.gettempdir()).glob(f"{owned.PREFIX}-*"):
        if owned.is_stale(path.name) and path.lstat().st_uid == os.geteuid():
            shutil.rmtree(path, ignore_errors=True)


def known_names() -> dict[str, str]:
    """Every name of the cluster: the pods of the headless Service and the head's own Service."""
    return {fqdn(address): address for address in ADDRESSES.values()} | {HEAD_SERVICE: ADDRESSES["head"]}


def fqdn(address: str) -> str:
    """The pod's name in the headless Service, the guide's node-ip-address."""
    return f"{address.replace('.', '-')}.{DOMAIN}"


def _temp(folder: Path) -> Path:
    return folder / "t"  # short, as all of it: a unix socket's path may have 107 characters


def _names(folder: Path) -> Path:
    return folder / "names"


def _loopback_host(folder: Path, stack: ExitStack) -> Host:
    def owns(pid: int) -> bool:  # all that we start has its working folder there, and hands it on
        with suppress(OSError):
            return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder) and pid != os.getpid()
        return False

    stack.callback(owned.end_all, owns)
    return Host("head", LOOPBACK, LOOPBACK, (), owns, os.getpid())


def _namespace_host(name: str, role: Role, folder: Path, stack: ExitStack) -> Host:
    stack.callback(netns.remove, name)
    netns.create(name, ADDRESSES[role])
    private = folder / f"{role}-temp"
    private.mkdir()
    prefix = netns.prefix(name, private, _temp(folder))
    anchor = netns.serve_names(prefix, _names(folder), stack)
    return Host(role, ADDRESSES[role], fqdn(ADDRESSES[role]), prefix, netns.owner(name), anchor, name)
