"""Debian packages without installing them: signed lists and archives come from the machine's own mirror."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from raymesh.errors import CommandError, EnvironmentFault
from raymesh.machine import trust
from raymesh.machine.locks import exclusive
from raymesh.machine.programs import run

OS_RELEASE = Path("/etc/os-release")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LISTS_FRESH_SECONDS = 24 * 3600
DOWNLOAD_SECONDS = 900
HOST_SUITE = "host"  # in recipes: the suite of the machine itself, for what links its libraries


def host_codename() -> str:
    """Return the machine's Debian codename. Raises EnvironmentFault where it is not Debian."""
    text = OS_RELEASE.read_text() if OS_RELEASE.exists() else ""
    rows = dict(row.split("=", 1) for row in text.splitlines() if "=" in row)
    if rows.get("ID") != "debian" or not shutil.which("apt-get"):
        raise EnvironmentFault(
            f"tools are unpacked from Debian packages, and this is {rows.get('PRETTY_NAME', 'another system')}",
            "run on Debian 12 or newer, or install Docker, kind and kubectl yourself and use --image-source pull",
        )
    return rows["VERSION_CODENAME"].strip('"')


def sources(suite: str) -> list[str]:
    """Return sources.list lines for `suite`, taken from the mirrors that the machine's own apt uses."""
    listing = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages", "Origin: Debian"],
        timeout=60,
    ).stdout
    mirrors: dict[str, str] = {}
    for row in listing.splitlines():
        uri, codename = row.split()
        mirrors.setdefault("security" if codename.endswith("-security") else "main", uri)
    if "main" not in mirrors:
        raise EnvironmentFault("apt has no Debian archive in its sources", "run apt-get update and look at its errors")
    signed = f"[signed-by={KEYRING}]" if KEYRING.exists() else ""
    lines = [f"deb {signed} {mirrors['main']} {suite} main"]
    if "security" in mirrors:
        lines.append(f"deb {signed} {mirrors['security']} {suite}-security main")
    return lines


def fetch(suite: str, packages: list[str], into: Path) -> list[str]:
    """Unpack the newest `packages` of `suite` below `into`, and return their archives' names; no dependencies.

    Raises EnvironmentFault where the mirror does not answer or lacks a package.
    """
    codename = host_codename() if suite == HOST_SUITE else suite
    what = f"the packages {', '.join(packages)} of {codename}"
    base = trust.folder(trust.cache() / "apt")
    with exclusive(base / f"{codename}.lock", what=f"the package lists of {codename}"):
        archives = base / codename / "archives"
        for fresh in (
            False,
            True,
        ):  # the mirror may have moved on since its lists were fetched: once more with new ones
            shutil.rmtree(archives, ignore_errors=True)
            archives.mkdir(parents=True)
            options = _apt_root(base / codename, codename, fresh=fresh)
            try:
                _apt(["apt-get", *options, "download", *packages], what, archives)
                break
            except EnvironmentFault:
                if fresh:
                    raise
        debs = sorted(archives.glob("*.deb"))
        for deb in debs:
            run(["dpkg-deb", "--extract", deb, into], timeout=120)
        shutil.rmtree(archives)
    return [deb.name for deb in debs]


def _apt_root(root: Path, codename: str, *, fresh: bool) -> list[str]:
    """Keep an apt state of our own, so that the machine's is neither read for versions nor changed.

    Lists are fetched when they are a day old, or `fresh` is asked for.
    """
    for folder in ("lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "status").touch()
    (root / "etc/sources.list").write_text("\n".join(sources(codename)) + "\n")
    options = [
        f"-oDir::State={root}",
        f"-oDir::State::status={root}/status",
        f"-oDir::Cache={root}/cache",
        f"-oDir::Etc::sourcelist={root}/etc/sources.list",
        "-oDir::Etc::sourceparts=/dev/null",
        f"-oDir::Etc::preferencesparts={root}/etc/preferences.d",
        "-oAPT::Sandbox::User=root" if os.geteuid() == 0 else "-oAPT::Sandbox::User=",
        "-oAcquire::Retries=2",
        "-oAcquire::http::Timeout=20",
        "-oAcquire::Languages=none",
        "-oAPT::Update::Error-Mode=any",
    ]
    stamp = root / "updated"
    # A stamp from the future is one of a clock that was moved.
    if fresh or not stamp.exists() or not 0 <= time.time() - stamp.stat().st_mtime <= LISTS_FRESH_SECONDS:
        _apt(["apt-get", *options, "update"], f"the package lists of {codename}", root)
        stamp.touch()
    return options


def _apt(argv: list[str], what: str, cwd: Path) -> None:
    try:
        run(argv, timeout=DOWNLOAD_SECONDS, cwd=cwd)
    except CommandError as error:
        raise EnvironmentFault(
            f"can't fetch {what} from the Debian mirror of this machine\n{error}",
            "check the network and that `apt-get update` works, then run again: what is done is kept",
        ) from error
