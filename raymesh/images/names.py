"""Names of images as registries and engines write them: HOST/PATH:TAG@DIGEST, of which most may be left out."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass

from raymesh.errors import UsageError

HUB = "docker.io"  # whose name may be left out (github.com/distribution/reference, normalize.go)
HUB_API = f"index.{HUB}"  # where it answers
LIBRARY = "library"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
HOST = re.compile(r"localhost|[a-z0-9.-]*[.:][a-z0-9.:-]*|\[[0-9a-f:]+\](:\d+)?", re.IGNORECASE)
PATH = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Reference:
    """An image's name, whole: a tag, a digest, or both."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.tagged + (f"@{self.digest}" if self.digest else "")

    @property
    def tagged(self) -> str:
        """The name without its digest: as who has the image already knows it."""
        return f"{self.host}/{self.path}" + (f":{self.tag}" if self.tag else "")

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest if there is one, else the tag."""
        return self.digest or self.tag


def parse(text: str) -> Reference:
    """Read a name as docker does. Raises UsageError where it is none."""
    rest, _, digest = text.partition("@")
    first, slash, below = rest.partition("/")
    host, path = (first, below) if slash and HOST.fullmatch(first) else (HUB, rest)
    path, colon, tag = path.partition(":")
    if host == HUB and "/" not in path:
        path = f"{LIBRARY}/{path}"
    good = PATH.fullmatch(path) and (not colon or TAG.fullmatch(tag)) and ("@" not in text or DIGEST.fullmatch(digest))
    if not good:
        raise UsageError(f"{text!r} is no image's name: [HOST/]PATH[:TAG][@sha256:DIGEST], the path in lower case")
    return Reference(host.lower(), path, tag or ("" if digest else "latest"), digest)


def mirrored(image: str, registry: str) -> str:
    """Return the name of a published image in a mirror, HOST/PATH: its own host makes way, and its own path stays."""
    if not registry:
        return image
    one = parse(image)
    host, _, below = registry.partition("/")
    return str(Reference(host, f"{below}/{one.path}" if below else one.path, one.tag, one.digest))


def checked_registry(text: str) -> str:
    """Return HOST[:PORT][/PATH] of a mirror. Raises UsageError where it is none."""
    host, _, below = text.rstrip("/").partition("/")
    if not HOST.fullmatch(host) or (below and not PATH.fullmatch(below)):
        raise UsageError(
            f"--registry {text!r}: HOST[:PORT][/PATH], without https://, such as registry.example.com/mirror"
        )
    return text.rstrip("/").lower()


def architecture() -> str:
    """Return this machine's, as images name it."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())
