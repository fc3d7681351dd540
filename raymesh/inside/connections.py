"""Runs inside a Ray container: the TCP connections of its pod, each with its bytes by the kernel's own count.

Prints one line: the mark, and a JSON object behind it: `at` (when it began to ask: seconds since the epoch, by the
node's clock), and `connections`, each as local address and port, remote address and port, state, user, and bytes that
were sent and acknowledged, and received. The kernel is asked by NETLINK_SOCK_DIAG (linux/inet_diag.h), for which no
right is needed; a socket of another container of the pod is told as well.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time

MARK = "raymesh-connections "
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, DUMP = 4, 20, 0x301  # linux/netlink.h, linux/sock_diag.h
ERROR, DONE, HEADER = 2, 3, 16
INFO = 2  # INET_DIAG_INFO: struct tcp_info follows
EVERY_STATE = 0xFFF
MESSAGE, BYTES_AT = 72, 120  # size of inet_diag_msg; tcpi_bytes_acked in tcp_info, tcpi_bytes_received follows it


def dumped(family: int) -> list[list[object]]:
    """Return the sockets of one family. Raises OSError where the kernel does not tell."""
    wanted = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 1 << (INFO - 1), EVERY_STATE) + bytes(48)
    found: list[list[object]] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(10)
        kernel.send(struct.pack("=IHHII", HEADER + len(wanted), SOCK_DIAG_BY_FAMILY, DUMP, 1, 0) + wanted)
        while True:
            answer = kernel.recv(2**20)
            while answer:
                length, kind = struct.unpack_from("=IH", answer)
                if kind == DONE:
                    return found
                if kind == ERROR:
                    raise OSError(-struct.unpack_from("=i", answer, HEADER)[0], "the kernel does not tell its sockets")
                found.append(one(family, answer[HEADER:length]))
                answer = answer[(length + 3) & ~3 :]


def one(family: int, message: bytes) -> list[object]:
    """Read an inet_diag_msg and the tcp_info behind it."""
    state = message[1]
    local_port, remote_port = struct.unpack_from("!HH", message, 4)
    size = 4 if family == socket.AF_INET else 16
    local, remote = (address(family, message[at : at + size]) for at in (8, 24))
    (uid,) = struct.unpack_from("=I", message, 64)
    sent = received = 0
    at = MESSAGE
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if kind == INFO and length >= 4 + BYTES_AT + 16:
            sent, received = struct.unpack_from("=QQ", message, at + 4 + BYTES_AT)
        at += max(4, (length + 3) & ~3)
    return [local, local_port, remote, remote_port, state, uid, sent, received]


def address(family: int, raw: bytes) -> str:
    """Return an address as text; an IPv4 address that a socket of IPv6 holds as IPv4."""
    mapped = family == socket.AF_INET6 and raw.startswith(bytes(10) + b"\xff\xff")
    return socket.inet_ntop(socket.AF_INET if mapped else family, raw[12:] if mapped else raw)


def main() -> None:
    at = time.time()
    connections = dumped(socket.AF_INET) + dumped(socket.AF_INET6)
    sys.stdout.write(MARK + json.dumps({"at": at, "connections": connections}) + "\n")


if __name__ == "__main__":
    main()
