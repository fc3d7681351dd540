"""Numbers in hexadecimal: a key, or the id of something? What stands before them says it."""

from __future__ import annotations

import re

LENGTHS = {32, 40, 64}  # digits of the keys that services hand out
UNNAMED = 40  # digits of a key that nothing before it names; ids of this length are Git's, and are named
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+")
NEAR = 5  # words
REACH = 80  # characters
OF_KEYS = frozenset(
    [
        "key",
        "keys",
        "apikey",
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "credential",
        "credentials",
        "auth",
        "bearer",
        "signature",
    ]
)
OF_IDS = frozenset(
    [
        "sha",
        "sha1",
        "sha256",
        "sha512",
        "md5",
        "crc",
        "digest",
        "commit",
        "commits",
        "revision",
        "rev",
        "git",
        "head",
        "hash",
        "checksum",
        "etag",
        "id",
        "ids",
        "uid",
        "guid",
        "trace",
        "traceid",
        "span",
        "spanid",
        "traceparent",
        "node",
        "worker",
        "actor",
        "task",
        "object",
        "job",
        "group",
        "placement",
        "container",
        "containerd",
        "image",
        "layer",
        "manifest",
        "blob",
        "serial",
        "fingerprint",
        "thumbprint",
        "kid",
        "subject",
        "issuer",
        "build",
        "version",
        "tag",
        "branch",
        "tree",
        "parent",
        "merge",
        "ref",
        "cluster",
        "session",
        "pod",
        "file",
        "path",
        "checkout",
        "from",
        "onto",
        "into",
        "clone",
        "fetch",
        "request",
        "version",
    ]
)
# Before `key` these make a name of something that is found by it.
FOUND_BY = frozenset(
    [
        "cache",
        "content",
        "partition",
        "primary",
        "foreign",
        "object",
        "build",
        "sort",
        "hash",
        "lookup",
        "map",
        "registry",
    ]
)


def is_key(text: str, start: int, end: int) -> bool:
    """Tell whether the hexadecimal number at `start` is a key. Alone, or as a part of something longer, it is an id."""
    line = text.rfind("\n", 0, start) + 1
    before = text[max(line, start - REACH) : start]
    if end - start not in LENGTHS or before[-1:] in {"/", "@", "-", "."} or text[end : end + 1] in {"/", "@", "-"}:
        return False
    words = [word.lower() for word in WORD.findall(before)][: -NEAR - 1 : -1]
    for number, word in enumerate(words):
        if word in OF_IDS or (word in {"key", "keys"} and not FOUND_BY.isdisjoint(words[number + 1 : number + 2])):
            return False
        if word in OF_KEYS:
            return True
    return bool(words) and end - start == UNNAMED
