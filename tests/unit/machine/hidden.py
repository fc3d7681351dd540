"""A program: OTHER WORDS... hides /proc behind an empty tmpfs, takes another user's number, and runs Python with WORDS.

What psutil reads is at OTHER then: it knows every system by itself, and is no reader of /proc where there is none.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

NEW_USER, NEW_MOUNTS, BIND, RECURSIVE = 0x10000000, 0x00020000, 0x1000, 0x4000  # of <sched.h> and <sys/mount.h>
ANOTHER_USER = 1000


def must(code: int) -> None:
    """Raise OSError where a call of the C library failed."""
    if code:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    must(libc.unshare(NEW_USER | NEW_MOUNTS))
    maps = {"setgroups": "deny", "uid_map": f"{ANOTHER_USER} {user} 1", "gid_map": f"{ANOTHER_USER} {group} 1"}
    for name, text in maps.items():
        Path("/proc/self", name).write_text(text)
    must(libc.mount(b"/proc", sys.argv[1].encode(), None, BIND | RECURSIVE, None))
    must(libc.mount(b"none", b"/proc", b"tmpfs", 0, None))
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])  # which leaves the new user's rights behind
