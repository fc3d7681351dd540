"""Builds what a Ray container says of its pod's sockets. Made by hand: recordings are in ../data."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from raymesh.ports import Role
from raymesh.subject import RayPod
from raymesh.verdicts.ports import INBOUND_SOURCE
from raymesh.witness.holders import SIDECAR_UID, Held, Holder, Inside
from raymesh.witness.sockets import Endpoint, Socket, State
from tests.unit.verdicts.built_subject import MEMBERS

SIDECAR = (15001, 15006, 15020, 15021, 15090)
NODE = (6380, 6381, 6382, 6383, 52365, 8080, 10002, 10003)
LISTENING: dict[Role, tuple[int, ...]] = {"head": (*NODE, 6379, 8265, 10001, 44217, 44227), "worker": NODE}
RAY = Holder(7, "raylet", ray=True)
STRANGER = Holder(99, "python -m http.server", ray=False)


def held(
    local: str, port: int, holder: Holder | None, state: State, remote: tuple[str, int] = ("0.0.0.0", 0), uid: int = 0
) -> Held:
    ends = Endpoint(ip_address(local), port), Endpoint(ip_address(remote[0]), remote[1])
    return Held(Socket(state, *ends, inode=1, uid=uid), holder)


def listens(port: int, holder: Holder | None = RAY, uid: int = 1000) -> Held:
    return held("0.0.0.0", port, holder, State.LISTEN, uid=uid)


def dialled(one: RayPod, other: RayPod, *, through: bool = True) -> tuple[Held, ...]:
    """A connection of Ray's to another pod; the sidecar's side of it is beside it, unless it goes past."""
    own = held(one.ip, 40001, RAY, State.ESTABLISHED, (other.ip, 6380))
    sidecar = held("127.0.0.1", 15001, None, State.ESTABLISHED, (one.ip, 40001), SIDECAR_UID)
    return (own, sidecar) if through else (own,)


def taken(one: RayPod, source: str = INBOUND_SOURCE) -> Held:
    """A connection that Ray took, by rights from the sidecar's own address."""
    return held(one.ip, 6380, RAY, State.ESTABLISHED, (source, 50001))


def built_inside(one: RayPod) -> Inside:
    other = next(member for member in MEMBERS if member.name != one.name)
    return Inside(
        tcp=(
            *(listens(port) for port in LISTENING[one.role]),
            *(listens(port, None, SIDECAR_UID) for port in SIDECAR),
            *dialled(one, other),
            taken(one),
        ),
        udp=(held(one.ip, 33333, RAY, State.ESTABLISHED, ("10.96.0.10", 53)),),
        environment={},
    )


def more(inside: Inside, *added: Held) -> Inside:
    return replace(inside, tcp=(*inside.tcp, *added))


HEALTHY = {one.name: built_inside(one) for one in MEMBERS}
