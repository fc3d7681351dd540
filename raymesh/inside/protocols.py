"""Run on the audited host: say what each listener answers to the opening of HTTP/2, then to a plain HTTP request.

Arguments are ADDRESS:PORT. Prints one JSON object: {"ADDRESS:PORT": "grpc" | "http" | "tcp" | "refused"}.
"""

import json
import socket
import sys

OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"  # an empty SETTINGS frame
REQUEST = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SETTINGS = 4
TYPE_BYTE = 3
SECONDS = 2.0


def ask(address: str, port: int, words: bytes) -> bytes:
    try:
        with socket.create_connection((address, port), timeout=SECONDS) as line:
            line.sendall(words)
            return line.recv(64)
    except ConnectionRefusedError:
        raise
    except OSError:
        return b""


def speaks(address: str, port: int) -> str:
    try:
        answer = ask(address, port, OPENING)
        if len(answer) > TYPE_BYTE and answer[TYPE_BYTE] == SETTINGS:
            return "grpc"
        return "http" if ask(address, port, REQUEST).startswith(b"HTTP/") else "tcp"
    except ConnectionRefusedError:
        return "refused"


print(
    json.dumps(
        {word: speaks(word.rpartition(":")[0].strip("[]"), int(word.rpartition(":")[2])) for word in sys.argv[1:]}
    )
)
