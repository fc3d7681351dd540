"""What `ray start` refuses of a node's flags before it opens a port: Ray's own parameter check, without Ray.

Read from scripts/scripts.py (types and defaults of the flags), _private/parameter.py (ranges, numbers used twice) and
_private/node.py of Ray 2.10.0 to 2.60.0; what KubeRay adds to rayStartParams from its setMissingRayStartParams and
convertParamMap (1.1.0 to 1.6.0). tests/ports/test_startup.py holds it to real Ray of each recorded version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from raymesh.ports.contract import HIGHEST_PORT, LOWEST_PORT
from raymesh.ports.facts import RAY_WORKER_PORTS
from raymesh.ports.flags import FLAGS, NUMBER_FLAGS, SWITCHES, YES_NO_FLAGS
from raymesh.ports.model import Role
from raymesh.ports.versions import NEWEST, Version

LOWEST_FLAG, HIGHEST_FLAG, LIST_FLAG = "min-worker-port", "max-worker-port", "worker-port-list"
METRICS_FLAG = "metrics-export-port"
WORKER_WORDS = "a worker port"
# Ports that a node reserves, in Ray's order, with the number that each has without its flag (0: random). The metrics
# port's default is KubeRay's. The dashboard's is reserved on every node, though only the head opens it.
_RESERVED: tuple[tuple[str, int], ...] = (
    ("object-manager-port", 0),
    ("node-manager-port", 0),
    ("port", 6379),
    ("ray-client-server-port", 10001),
    ("dashboard-port", 8265),
    ("dashboard-agent-grpc-port", 0),
    ("dashboard-agent-listen-port", 52365),
    ("dashboard-grpc-port", 0),
    ("runtime-env-agent-port", 0),
    (METRICS_FLAG, 8080),
)
_HEAD_ONLY = ("port", "redis-shard-ports", "include-dashboard")
_AUTO_RUNTIME_ENV = Version(2, 54)  # from here on runtime-env-agent-port may be 0
# Before, `ray start` hands this flag on as an argument that its own check refuses as deprecated.
_REDIRECT, _REDIRECT_WORKS = "no-redirect-output", Version(2, 54)
_SHELL = re.compile(r"""[$`"'\\;&|<>()*?\[\]{}~!]|\s-""")
_YES_NO = ("1", "0", "true", "false", "t", "f", "yes", "no", "y", "n", "on", "off")
_SPECIAL = ("log-color", "include-dashboard")  # KubeRay hands true and false of these on as words
_SET_BY_KUBERAY = ("block",)


class Refusal(NamedTuple):
    """Why a node with these flags does not start, at the flag that has to change."""

    flag: str
    problem: str
    cure: str
    by: Literal["ray", "system"] = "ray"  # who says no: Ray's own check, or the operating system later


def refusals(role: Role, params: Mapping[str, str], version: Version | None = None) -> list[Refusal]:
    """Everything that `ray start` refuses in the rayStartParams of one group; no version: what the newest one refuses.

    A value that the container's shell still changes is not judged.
    """
    flags = [(name, text) for name, text in params.items() if name in FLAGS and name not in _SET_BY_KUBERAY]
    plain = tuple(flag for flag in flags if not _SHELL.search(flag[1]))
    shell = frozenset(name for name, _ in flags).difference(name for name, _ in plain)
    return list(_refusals(role, plain, shell, version or NEWEST))


@lru_cache(maxsize=1 << 10)  # the groups of a repository say mostly the same
def _refusals(
    role: Role, plain: tuple[tuple[str, str], ...], shell: frozenset[str], version: Version
) -> tuple[Refusal, ...]:
    """What is refused of flags with their texts, and of those in `shell`, whose values nobody knows yet."""
    found: list[Refusal] = []
    told: dict[str, str] = {}
    unknown = set(shell)
    for name, text in plain:
        problem = _unreadable(name, text)
        if problem is not None:
            found.append(problem)
            unknown.add(name)
        elif text.strip() and (text.lower() != "false" or name in (*_SPECIAL, METRICS_FLAG)):
            told[name] = _started(name, text)
    if role == "worker":
        found.extend(
            Refusal(name, "only the head takes it", "take it out of the worker group")
            for name in _HEAD_ONLY
            if name in told
        )
    node = _Node(role, told, unknown, version)
    if _REDIRECT in told and node.version < _REDIRECT_WORKS:
        found.append(Refusal(_REDIRECT, f"Ray before {_REDIRECT_WORKS} ends with it", "take it out"))
    return (*found, *node.out_of_range(), *node.bad_worker_range(), *node.used_twice())


def reserved(role: Role, params: Mapping[str, str], version: Version | None = None) -> dict[int, str]:
    """The numbers that a node of this role listens on by its flags and defaults, with the flag of each.

    Worker ports are among them only where the flags say which they are.
    """
    unknown = {name for name, text in params.items() if _SHELL.search(text) or _unreadable(name, text)}
    node = _Node(role, {n: _started(n, t) for n, t in params.items() if n not in unknown}, unknown, version or NEWEST)
    return node.opened()


def _started(name: str, text: str) -> str:
    """What Ray gets. A metrics port of `false` keeps KubeRay's own one away, and Ray then takes a random one."""
    return "0" if name == METRICS_FLAG and text.lower() == "false" else text.strip()


def _unreadable(name: str, text: str) -> Refusal | None:
    """What is wrong with a value by itself, before any number is looked at."""
    lowered = text.lower()
    switched = lowered in ("true", "false") and name not in _SPECIAL
    if name in SWITCHES:
        return None if switched else Refusal(name, "it is a switch and takes no value", "'true', or take it out")
    if switched:  # KubeRay leaves the flag away for `false`, and writes it without a value for `true`
        return Refusal(name, "KubeRay writes the flag without its value", "give it one") if lowered == "true" else None
    return _not_of_its_type(name, text)


def _not_of_its_type(name: str, text: str) -> Refusal | None:
    if name in NUMBER_FLAGS and _whole_number(text) is None:
        return Refusal(name, "Ray takes a whole number", _number_cure(name))
    if name in YES_NO_FLAGS and text.lower().strip() not in _YES_NO:
        return Refusal(name, "Ray takes 'true' or 'false'", "'true' or 'false'")
    if len(text.split()) > 1:
        return Refusal(name, "the shell makes several words of it", "take the spaces out")
    if name == LIST_FLAG and any(_whole_number(part) is None for part in text.strip().split(",")):
        return Refusal(name, "Ray takes whole numbers with commas between them", "10002,10003,10004")
    return None


def _number_cure(name: str) -> str:
    if name.endswith("port"):
        return f"a port from {LOWEST_PORT} to {HIGHEST_PORT}"
    return "bytes, as digits" if "memory" in name else "a whole number"


def _whole_number(text: str) -> int | None:
    """What Python's int() makes of a value behind the shell, which splits at spaces."""
    if text[:1].isspace() or len(text.split()) != 1:
        return None
    try:
        return int(text)
    except ValueError:
        return None


class _Node:
    """The numbers of one node, as Ray's parameter check sees them."""

    def __init__(self, role: Role, told: Mapping[str, str], unknown: set[str], version: Version) -> None:
        self.role: Role = role
        self.version = version
        self.unknown = unknown
        self.told = told
        self.numbers = {n: int(t) for n, t in told.items() if n in NUMBER_FLAGS and t.lower() != "false"}

    def out_of_range(self) -> Iterator[Refusal]:
        cure = f"a port from {LOWEST_PORT} to {HIGHEST_PORT}"
        for name, number in self.numbers.items():
            if not name.endswith("port") or (name == "port" and self.role == "worker"):
                continue
            free = LOWEST_PORT <= number <= HIGHEST_PORT or (number == 0 and self._may_be_zero(name))
            if name in (LOWEST_FLAG, HIGHEST_FLAG, "ray-client-server-port", "runtime-env-agent-port"):
                if not free:
                    yield Refusal(name, f"Ray takes one from {LOWEST_PORT} to {HIGHEST_PORT} there", cure)
            elif not 0 <= number <= HIGHEST_PORT:
                yield Refusal(name, "no socket has such a port", cure, "system")
        for number in self._listed() or ():
            if not LOWEST_PORT <= number <= HIGHEST_PORT:
                yield Refusal(LIST_FLAG, f"{number}: Ray takes worker ports from {LOWEST_PORT} to {HIGHEST_PORT}", cure)

    def _may_be_zero(self, name: str) -> bool:
        if name == "runtime-env-agent-port":
            return self.version >= _AUTO_RUNTIME_ENV
        return name != "ray-client-server-port"

    def bad_worker_range(self) -> Iterator[Refusal]:
        if self.unknown & {LOWEST_FLAG, HIGHEST_FLAG}:
            return
        lowest, highest = self._ends()
        if highest == 0 or not LOWEST_PORT <= highest <= HIGHEST_PORT or not 0 <= lowest <= HIGHEST_PORT:
            return  # random, or said already
        if highest <= lowest:
            flag = HIGHEST_FLAG if HIGHEST_FLAG in self.told else LOWEST_FLAG
            default = "" if HIGHEST_FLAG in self.told else ", which it is without its flag"
            yield Refusal(
                flag,
                f"{HIGHEST_FLAG} {highest}{default}, is not above the lowest worker port {lowest}",
                f"{HIGHEST_FLAG} above {lowest}",
            )

    def opened(self) -> dict[int, str]:
        """Numbers with their flags; 8265 is the head's only."""
        found: dict[int, str] = {}
        if self.told.keys() & {LIST_FLAG, HIGHEST_FLAG}:
            found.update(dict.fromkeys(self._worker_ports(), LIST_FLAG if LIST_FLAG in self.told else HIGHEST_FLAG))
        for name, default in _RESERVED:
            heads = self.role == "worker" and name in ("dashboard-port", "ray-client-server-port")
            if name not in self.unknown and self._reserves(name) and not heads:
                found[self.numbers.get(name, default)] = name
        found.pop(0, None)
        return found

    def used_twice(self) -> Iterator[Refusal]:
        taken: dict[int, str] = {}
        for name, default in _RESERVED:
            if name in self.unknown or not self._reserves(name):
                continue
            number = self.numbers.get(name, default)
            if number == 0:
                continue
            if number in taken:
                yield self._clash(name, taken[number], number)
            taken.setdefault(number, name)
        shards = self.told.get("redis-shard-ports", "").split(",") if self.role == "head" else []
        if len(set(shards)) < len(shards):
            yield Refusal("redis-shard-ports", "it has a number twice", "give each its own number")
        workers = self._worker_ports()
        told: set[str] = set()
        for number, name in taken.items():
            if number in workers:
                clash = self._worker_clash(name, number, workers)
                if clash.flag not in told:
                    yield clash
                told.add(clash.flag)
        listed = self._listed() or ()
        twice = next((n for n in listed if listed.count(n) > 1), None)
        if twice is not None:
            yield Refusal(LIST_FLAG, f"it has {twice} twice", "give each its own number")

    def _reserves(self, name: str) -> bool:
        if name == "port":
            return self.role == "head"
        span = FLAGS[name]
        # The flag outlived the port: from 2.45 to 2.47 it is taken and not looked at.
        return span.holds(self.version) and (name != "dashboard-grpc-port" or self.version < Version(2, 45))

    def _ends(self) -> tuple[int, int]:
        lowest = self.numbers.get(LOWEST_FLAG, RAY_WORKER_PORTS[0])
        return lowest, self.numbers.get(HIGHEST_FLAG, RAY_WORKER_PORTS[-1])

    def _listed(self) -> list[int] | None:
        listed = self.told.get(LIST_FLAG)
        return None if listed is None else [int(part) for part in listed.split(",")]

    def _worker_ports(self) -> Sequence[int]:
        listed = self._listed()
        if listed is not None:
            return listed
        if self.unknown & {LOWEST_FLAG, HIGHEST_FLAG, LIST_FLAG}:
            return ()
        lowest, highest = self._ends()
        return range(lowest, highest + 1)

    def _clash(self, name: str, other: str, number: int) -> Refusal:
        flag, of = (name, other) if name in self.told else (other, name)
        default = "" if of in self.told else ", which has that number without its flag"
        where = " (Ray reserves it on every node)" if "dashboard-port" in (flag, of) and self.role == "worker" else ""
        return Refusal(flag, f"{flag} and {of}{default} are both {number}{where}", "give each its own number")

    def _worker_clash(self, name: str, number: int, workers: Sequence[int]) -> Refusal:
        given = [f for f in (LIST_FLAG, HIGHEST_FLAG, LOWEST_FLAG) if f in self.told]
        flag = name if name in self.told or not given else given[0]
        if given:
            text = f"{name} and {WORKER_WORDS} are both {number}"
        else:
            text = f"{name} {number} lies in the worker ports {workers[0]}-{workers[-1]} that Ray takes by default"
        return Refusal(flag, text, f"another number, or a {HIGHEST_FLAG} below it")
