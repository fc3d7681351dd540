"""Run on the audited host: say what each listener answers to the opening of HTTP/2.

Arguments are ADDRESS:PORT. Prints one JSON object: {"ADDRESS:PORT": "grpc" | "http" | "tcp" | "refused"}.
"""

import json
import socket
import sys

OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"  # an empty SETTINGS frame
SETTINGS = 4
TYPE_BYTE = 3
SECONDS = 2.0


def speaks(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), timeout=SECONDS) as line:
            line.sendall(OPENING)
            answer = line.recv(64)
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "tcp"
    if answer.startswith(b"HTTP/"):
        return "http"
    if len(answer) > TYPE_BYTE and answer[TYPE_BYTE] == SETTINGS:
        return "grpc"
    return "tcp"


print(
    json.dumps(
        {word: speaks(word.rpartition(":")[0].strip("[]"), int(word.rpartition(":")[2])) for word in sys.argv[1:]}
    )
)
