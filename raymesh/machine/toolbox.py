"""Programs that the suite brings along: unpacked from Debian packages into the cache, never installed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from raymesh.errors import EnvironmentFault
from raymesh.machine import packages, trust
from raymesh.machine.locks import exclusive
from raymesh.paths import ROOT, cache_dir
from raymesh.progress import Progress

TOOLS_FILE = ROOT / "images" / "tools.yaml"
FRESH_SECONDS = 30 * 24 * 3600  # Debian mends what is found in dockerd, containerd and runc in such a time
PART = ".part"
CONTENTS = "raymesh-packages"  # in a toolbox: the names of the archives that it was unpacked from
_not_renewed: set[Path] = set()  # by this process, which tries once
IPTABLES_NAMES = ("iptables", "ip6tables", "iptables-save", "ip6tables-save", "iptables-restore", "ip6tables-restore")


@dataclass(frozen=True)
class Toolbox:
    """A folder with unpacked packages; `environment` makes its programs and libraries found."""

    root: Path

    def program(self, name: str) -> Path:
        """Return the path of one of its programs."""
        for folder in ("bin", "usr/sbin", "usr/bin", "sbin", "usr/libexec/docker"):
            if (self.root / folder / name).exists():
                return self.root / folder / name
        raise FileNotFoundError(f"{name} is not in the toolbox {self.root}")

    @property
    def environment(self) -> dict[str, str]:
        """Variables to add for a program from here."""
        libraries = [str(p) for p in (self.root / "usr/lib").glob("*-linux-gnu")]
        libraries += [str(p) for p in (self.root / "lib").glob("*-linux-gnu")]
        folders = [str(self.root / f) for f in ("bin", "usr/sbin", "usr/bin", "sbin", "usr/libexec/docker")]
        return {
            "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "")]),
            "LD_LIBRARY_PATH": os.pathsep.join(libraries),
            "XTABLES_LIBDIR": os.pathsep.join(f"{library}/xtables" for library in libraries),
        }


def toolbox(name: str, progress: Progress, *, renew: bool = True) -> Toolbox:
    """Return the toolbox `name` of images/tools.yaml, unpacking it the first time, and anew when it is a month old.

    An old one serves where the mirror does not answer, and where `renew` is false. Raises EnvironmentFault where there
    is none and none can be had, and where another user could have changed it.
    """
    suites: dict[str, list[str]] = yaml.safe_load(TOOLS_FILE.read_text())[name]
    key = hashlib.sha256(json.dumps([suites, packages.host_codename()]).encode()).hexdigest()[:12]
    folder = trust.folder(trust.cache() / "tools")
    with exclusive(folder / f"{name}.lock", what=f"the tools {name}", say=progress.say):
        there = sorted((p for p in folder.glob(f"{name}-{key}*") if p.suffix != PART), key=_made)
        if not there or (renew and _is_old(there[-1]) and there[-1] not in _not_renewed):
            try:
                there.append(_unpack(folder / f"{name}-{key}", suites, progress, f"unpack tools: {name}"))
            except EnvironmentFault as error:
                if not there:
                    raise
                _not_renewed.add(there[-1])
                progress.say(f"the tools {name} are older than a month and stay so: {error.cause}")
        for old in there[:-2]:  # the last but one may be in use
            shutil.rmtree(old)
        trust.check_tree(there[-1])
    return Toolbox(there[-1])


def packages_there() -> set[tuple[str, str]]:
    """Return name and version of the packages that the toolboxes in the cache were unpacked from."""
    rows = [row for path in (cache_dir() / "tools").glob(f"*/{CONTENTS}") for row in path.read_text().split()]
    return {(name, version.replace("%3a", ":")) for name, version, _ in (row.rsplit("_", 2) for row in rows)}


def _unpack(root: Path, suites: dict[str, list[str]], progress: Progress, phase: str) -> Path:
    if root.exists():
        root = root.with_name(f"{root.name}-{time.time_ns()}")
    part = root.with_name(root.name + PART)  # renamed when whole: an interrupted one is never taken for a toolbox
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with progress.phase(phase):
        debs = [deb for suite, names in suites.items() for deb in packages.fetch(suite, names, part)]
        (part / CONTENTS).write_text("".join(f"{deb}\n" for deb in debs))
        _name_iptables(part)
        part.rename(root)
    return root


def _made(root: Path) -> float:
    return root.stat().st_ctime  # of the renaming; what is unpacked brings a time of its own


def _is_old(root: Path) -> bool:
    return not 0 <= time.time() - _made(root) <= FRESH_SECONDS  # a clock that was moved tells nothing


def _name_iptables(root: Path) -> None:
    """Do what the package's alternatives would: without it Docker finds no program named iptables."""
    if (root / "usr/sbin/xtables-nft-multi").exists():
        (root / "bin").mkdir(exist_ok=True)
        for name in IPTABLES_NAMES:
            (root / "bin" / name).symlink_to("../usr/sbin/xtables-nft-multi")
