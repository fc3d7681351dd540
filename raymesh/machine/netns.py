"""Network namespaces joined by a cable of their own: the machine's own network has no part in them."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from raymesh.errors import EnvironmentFault
from raymesh.machine import owned
from raymesh.machine.programs import run, running

ETC = Path("/etc/netns")
RUN = Path("/run/netns")
NAMES_SERVER = Path(__file__).parents[1] / "inside" / "names.py"
CARD = "eth0"
QUICK = 20.0  # seconds for one command of ip
PRIVATE_MOUNT = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


def allowed() -> bool:
    """Whether this process may make network namespaces."""
    return os.geteuid() == 0 and shutil.which("ip") is not None


def present() -> list[str]:
    """Names of all network namespaces of this machine, and of those that only left their files in /etc/netns."""
    return sorted({path.name for folder in (RUN, ETC) if folder.is_dir() for path in folder.iterdir()})


def create(name: str, address: str) -> None:
    """Make a namespace with its own /etc/hosts and resolv.conf, and a way to forbid ports."""
    etc = ETC / name
    etc.mkdir(parents=True)
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n{address} {socket.gethostname()}\n")
    (etc / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    _ip("netns", "add", name)
    _ip("-n", name, "link", "set", "lo", "up")
    # the table of local addresses is asked after our own rules, so that block() can forbid a port
    _ip("-n", name, "rule", "add", "pref", "100", "lookup", "local")
    _ip("-n", name, "rule", "del", "pref", "0", "lookup", "local")


def connect(addresses: Mapping[str, str]) -> None:
    """Give two namespaces their addresses and join them; for each, the other one is the way to everywhere."""
    one, two = addresses
    _ip("link", "add", CARD, "netns", one, "type", "veth", "peer", "name", CARD, "netns", two)
    for name, gateway in ((one, addresses[two]), (two, addresses[one])):
        address = addresses[name]
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", CARD)
        _ip("-n", name, "link", "set", CARD, "up")
        _ip("-n", name, "route", "add", "default", "via", gateway)  # Ray asks the routing table for its own address


def prefix(name: str, private: Path, shared: Path) -> tuple[str, ...]:
    """Words that start a program in the namespace, with the folder `private` seen as `shared`."""
    mount = ("unshare", "--mount", "sh", "-c", PRIVATE_MOUNT, "sh", str(private), str(shared))
    return ("ip", "netns", "exec", name, *mount)


def owner(name: str) -> Callable[[int], bool]:
    """A test whether a process is in the namespace."""

    def owns(pid: int) -> bool:
        with suppress(OSError):
            return Path(f"/proc/{pid}/ns/net").stat().st_ino == (RUN / name).stat().st_ino
        return False

    return owns


def serve_names(start: tuple[str, ...], table: Path, stack: ExitStack) -> int:
    """Run a nameserver behind `start` until `stack` ends; its process id."""
    server = stack.enter_context(
        running([*start, sys.executable, str(NAMES_SERVER), str(table)], stdout=subprocess.PIPE)
    )
    assert server.stdout is not None
    said = select.select([server.stdout], [], [], QUICK)[0]
    if not said or server.stdout.readline().strip() != "ready":
        raise EnvironmentFault(
            "the nameserver of an audited host did not start", "its own message is above; it needs port 53 of loopback"
        )
    return server.pid


def block(name: str, number: int) -> None:
    """Drop what reaches the namespace from outside for this TCP port, and say nothing to the sender."""
    rule = ["pref", "1", "iif", CARD, "ipproto", "tcp", "dport", str(number), "blackhole"]
    _ip("-n", name, "rule", "add", *rule)


def remove(name: str) -> None:
    """Remove a namespace and end all that runs in it."""
    owned.end_all(owner(name))
    if (RUN / name).exists():
        _ip("netns", "del", name)
    shutil.rmtree(ETC / name, ignore_errors=True)


def _ip(*words: str) -> None:
    run(["ip", *words], timeout=QUICK)
