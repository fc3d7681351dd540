"""Random rayStartParams about ports: mostly of the kinds that people write, some at the edges."""

from __future__ import annotations

import random
from dataclasses import dataclass

from raymesh.ports import Role, Version
from raymesh.ports.flags import FLAGS, NUMBER_FLAGS, SWITCHES
from raymesh.ports.model import BOTH

POOL = (*range(6379, 6387), *range(7000, 7006), 8080, 8265, 10001, 10002, 10005, 12345, 20000, 52365, 52366)
EDGES = (0, 1, 80, 1023, 1024, 65535, 65536, 70000, -1)
ODD = (
    "",
    " ",
    "true",
    "false",
    "True",
    "6380 ",
    " 6380",
    "6380 6381",
    "x",
    "1.5",
    "0x10",
    "1_000",
    "+7000",
    "4Gi",
    "٣٠٠٠",
)
PORTS = sorted(name for name in NUMBER_FLAGS if name.endswith("port"))
# Flags of resource isolation need each other and a cgroup: nothing that a port rule speaks of.
ISOLATION = {"enable-resource-isolation", "system-reserved-memory"}
OTHERS = [*sorted((NUMBER_FLAGS | SWITCHES) - set(PORTS) - ISOLATION - {"head", "verbose"}), "include-dashboard"]


@dataclass(frozen=True)
class Setting:
    """The rayStartParams of one group."""

    role: Role
    params: dict[str, str]


def random_setting(chance: random.Random, version: Version) -> Setting:
    """A few flags that this version has."""
    role = chance.choice(BOTH)
    names = [n for n in PORTS if FLAGS[n].holds(version) and (n != "port" or role == "head" or chance.random() < 0.1)]
    chosen = chance.sample(names, chance.choice((0, 1, 1, 2, 2, 3, 5)))
    params = {name: _value(chance) for name in chosen}
    if chance.random() < 0.75:
        params["max-worker-port"] = str(chance.choice((10005, 10012, 10030, 20010)))
    if chance.random() < 0.2:
        params["min-worker-port"] = str(chance.choice((10002, 11000, 20000, 30000)))
    if chance.random() < 0.15:
        params["worker-port-list"] = _list(chance)
    if chance.random() < 0.1:
        params["redis-shard-ports"] = chance.choice(("6400", "6400,6401", "6400,6400"))
    for name in OTHERS:
        if FLAGS[name].holds(version) and chance.random() < 0.03:
            params[name] = chance.choice(("1", "4", "true", "false", "0.5", "4Gi", "yes"))
    return Setting(role, params)


def _value(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.75:
        return str(chance.choice(POOL))
    if kind < 0.9:
        return str(chance.choice(EDGES))
    if kind < 0.95:
        return chance.choice(ODD)
    return str(chance.randint(1024, 65535))


def _list(chance: random.Random) -> str:
    numbers = [
        str(chance.choice((*range(10002, 10030), 6380, 8265, 80, 70000, 0))) for _ in range(chance.randint(1, 5))
    ]
    return chance.choice((",", ",", ",", ",", ", ")).join(numbers)
