"""Whom a registry knows us as: the login that `docker login` left for the engine's client, or that a helper keeps."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raymesh.errors import CommandError, EnvironmentFault
from raymesh.images.names import HUB, HUB_API
from raymesh.machine.programs import run

HUBS_KEY = f"https://{HUB_API}/v1/"  # what `docker login` calls the hub in its file
HELPER = re.compile(r"[\w.-]+")  # its program is docker-credential-NAME
HELPER_SECONDS = 30
NONE_THERE = "credentials not found in native keychain"  # docker-credential-helpers, credentials/error.go
OAUTH = "<token>"  # a helper's user, where what it keeps is no password


@dataclass(frozen=True)
class Login:
    """User and password at one registry; both empty: nobody."""

    user: str = ""
    password: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.user)


def config_file() -> Path:
    """Return the file of the user's own docker client, whatever engine raymesh uses."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


def login_of(host: str) -> Login:
    """Return the login for a registry; nobody where there is none. Raises EnvironmentFault where it can't be read."""
    path = config_file()
    if not path.exists():
        return Login()
    try:
        config: Mapping[str, Any] = json.loads(path.read_text())
        helper = config.get("credHelpers", {}).get(host) or config.get("credsStore")
        keys = [host, f"https://{host}", f"https://{host}/v1/", *([HUBS_KEY] if host == HUB else [])]
        found: Mapping[str, str] = next((row for key in keys if (row := config.get("auths", {}).get(key))), {})
        if found.get("auth"):
            return _decoded(found["auth"])
    except (OSError, ValueError, AttributeError, binascii.Error) as error:
        raise EnvironmentFault(
            f"can't read the login for {host} in {path}: {error}", f"`docker login {host}` writes it anew"
        ) from None
    return _asked(helper, HUBS_KEY if host == HUB else host) if helper else Login()


def _decoded(text: str) -> Login:
    user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    if not colon:
        raise ValueError("`auth` is not USER:PASSWORD")
    return Login(user, password)


def _asked(helper: str, host: str) -> Login:
    """Ask a helper, as docker does: its standard input is the registry, its answer is JSON."""
    if not HELPER.fullmatch(helper):
        raise EnvironmentFault(f"{config_file()} names the helper {helper!r}", "a helper is a program's name")
    program = f"docker-credential-{helper}"
    try:
        done = run([program, "get"], timeout=HELPER_SECONDS, stdin=host, check=False)
    except CommandError as error:
        raise EnvironmentFault(
            f"the login for {host} is kept by {program}, which does not run: {error}",
            f"put {program} on PATH, or take it out of {config_file()}",
        ) from None
    if done.code:
        if NONE_THERE in done.stdout + done.stderr:
            return Login()
        raise EnvironmentFault(f"{program} does not give the login for {host}", f"run `docker login {host}` again")
    try:
        row = json.loads(done.stdout)
        found = Login(row["Username"], row["Secret"])
    except (ValueError, KeyError, TypeError):
        raise EnvironmentFault(f"{program} answers something else", f"run `docker login {host}`") from None
    if found.user == OAUTH:
        raise EnvironmentFault(
            f"{program} keeps an OAuth token for {host}, and raymesh takes user and password",
            f"`docker login {host}` with a user and a password or access token",
        )
    return found
