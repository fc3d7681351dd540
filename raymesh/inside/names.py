"""The nameserver of an audited host, as a cluster has one: A records from a file, read again at every question.

Arguments: the file, with lines of ADDRESS NAME. A known name has no AAAA record, an unknown one does not exist; both
are said at once. Ray asks for AAAA on every connection, so that silence would stall it for seconds each time.
"""

import socket
import struct
import sys
from pathlib import Path

ADDRESS = ("127.0.0.1", 53)
HEADER_BYTES = 12
A_RECORD = 1
ANSWER_FLAGS = 0x8580  # response, authoritative, recursion asked for and available
NO_SUCH_NAME = 3
TTL_SECONDS = 1
POINTER_TO_QUESTION = b"\xc0\x0c"


def answer(question: bytes, known: dict[str, str]) -> bytes:
    labels, at = [], HEADER_BYTES
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    end = at + 5
    (kind,) = struct.unpack(">H", question[at + 1 : at + 3])
    address = known.get(".".join(labels))
    record = b""
    if address and kind == A_RECORD:
        record = POINTER_TO_QUESTION + struct.pack(">HHIH", A_RECORD, 1, TTL_SECONDS, 4) + socket.inet_aton(address)
    flags = ANSWER_FLAGS | (0 if address else NO_SUCH_NAME)
    head = question[:2] + struct.pack(">HHHHH", flags, 1, 1 if record else 0, 0, 0)
    return head + question[HEADER_BYTES:end] + record


def main() -> None:
    names = Path(sys.argv[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(ADDRESS)
        print("ready", flush=True)
        while True:
            question, peer = server.recvfrom(4096)
            known = {name: address for address, name in map(str.split, names.read_text().splitlines())}
            server.sendto(answer(question, known), peer)


if __name__ == "__main__":
    main()
