"""The sockets of a network namespace, from the text of /proc/net/tcp, tcp6, udp and udp6."""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass

from raymesh.errors import Unreadable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

WORD_BYTES = 4  # the kernel prints an address as 32-bit words, each in the byte order of the machine
UID_COLUMN, INODE_COLUMN = 7, 9


class State(enum.IntEnum):
    """TCP states under the kernel's own numbers."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11
    NEW_SYN_RECV = 12


@dataclass(frozen=True, order=True)
class Endpoint:
    """One end of a socket. An IPv4 address that tcp6 shows as ::ffff:a.b.c.d is given as IPv4."""

    address: Address
    port: int


@dataclass(frozen=True)
class Socket:
    """One line: `inode` ties it to /proc/PID/fd and is 0 where no process holds it, as in TIME_WAIT.

    `uid` is the user that the socket belongs to. A UDP socket has the states ESTABLISHED (it has a peer) and CLOSE.
    """

    state: State
    local: Endpoint
    remote: Endpoint
    inode: int
    uid: int = 0


def parse(text: str) -> list[Socket]:
    """Sockets in the text of /proc/net/tcp, of its siblings tcp6, udp and udp6, or of one after the other.

    The machine that wrote the text is little-endian. Raises Unreadable where a header is missing or a line is not
    of the known form: an empty answer is no proof that nothing listens.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not _is_header(lines[0]):
        raise Unreadable(f"not the text of /proc/net/tcp: it starts with {text[:80]!r}")
    return [_socket(line) for line in lines if not _is_header(line)]


def _is_header(line: str) -> bool:
    return line.split()[:2] == ["sl", "local_address"]


def _socket(line: str) -> Socket:
    column = line.split()
    try:
        return Socket(
            state=State(int(column[3], 16)),
            local=_endpoint(column[1]),
            remote=_endpoint(column[2]),
            inode=int(column[INODE_COLUMN]),
            uid=int(column[UID_COLUMN]),
        )
    except (IndexError, ValueError) as error:
        raise Unreadable(f"/proc/net/tcp has a line of unknown form ({error}): {line.strip()!r}") from error


def _endpoint(text: str) -> Endpoint:
    host, port = text.split(":")
    written = bytes.fromhex(host)
    words = [written[at : at + WORD_BYTES] for at in range(0, len(written), WORD_BYTES)]
    address = ipaddress.ip_address(b"".join(word[::-1] for word in words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return Endpoint(mapped or address, int(port, 16))
