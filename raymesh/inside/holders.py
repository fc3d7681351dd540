"""Runs inside a Ray container: which sockets there are, which programs hold them, and what environment Ray got.

Prints one line: the mark, and a JSON object behind it. The sidecar's processes are in another container: of its
sockets only the user is known. A program is Ray's own if its binary is, or if it has loaded Ray's core library.
"""

import json
import os
import sys

MARK = "raymesh-holders "
OWN_PROGRAMS = ("gcs_server", "raylet")
CORE_LIBRARY = "/_raylet.so"
TABLES = ("tcp", "tcp6", "udp", "udp6")


def read(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the program stands alone, in whatever Python the image has
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def inodes(pid: str) -> list[str]:
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - as above
            link = os.readlink(f"/proc/{pid}/fd/{name}")  # noqa: PTH115 - as above
            if link.startswith("socket:["):
                found.append(link[8:-1])
    except OSError:
        pass  # it has ended meanwhile, or is another user's
    return found


def of_ray(pid: str, program: str) -> bool:
    return program in OWN_PROGRAMS or CORE_LIBRARY in read(f"/proc/{pid}/maps")


def main() -> None:
    holders = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - as above
        words = read(f"/proc/{pid}/cmdline").split("\0")
        program = os.path.basename(words[0].split(" ")[0])  # noqa: PTH119 - as above
        held = inodes(pid)
        if held:
            holders[pid] = {"command": " ".join(words)[:200].strip(), "ray": of_ray(pid, program), "inodes": held}
    environment = [pair.partition("=") for pair in read("/proc/1/environ").split("\0")]
    answer = {
        "tables": {name: read(f"/proc/net/{name}") for name in TABLES},
        "holders": holders,
        "environment": {key: value for key, _, value in environment if key.startswith("RAY_") and "TLS" in key},
        "uid": os.getuid(),
    }
    sys.stdout.write(MARK + json.dumps(answer) + "\n")


main()
