"""Programs that the suite brings along: unpacked from Debian packages into the cache, never installed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from raymesh.machine import packages
from raymesh.machine.locks import exclusive
from raymesh.paths import ROOT, cache_dir
from raymesh.progress import Progress

TOOLS_FILE = ROOT / "images" / "tools.yaml"
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


def toolbox(name: str, progress: Progress) -> Toolbox:
    """Return the toolbox `name` of images/tools.yaml, unpacking it the first time.

    Raises EnvironmentFault where the machine is not Debian or its mirror does not answer.
    """
    suites: dict[str, list[str]] = yaml.safe_load(TOOLS_FILE.read_text())[name]
    key = hashlib.sha256(json.dumps([suites, packages.host_codename()]).encode()).hexdigest()[:12]
    root = cache_dir() / "tools" / f"{name}-{key}"
    with exclusive(cache_dir() / "tools" / f"{name}.lock"):
        if not root.exists():
            part = root.with_suffix(".part")  # renamed when whole: an interrupted one is never taken for a toolbox
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            with progress.phase(f"unpack tools: {name}"):
                for suite, names in suites.items():
                    packages.fetch(suite, names, part)
            _name_iptables(part)
            part.rename(root)
    return Toolbox(root)


def _name_iptables(root: Path) -> None:
    """Do what the package's alternatives would: without it Docker finds no program named iptables."""
    if (root / "usr/sbin/xtables-nft-multi").exists():
        (root / "bin").mkdir(exist_ok=True)
        for name in IPTABLES_NAMES:
            (root / "bin" / name).symlink_to("../usr/sbin/xtables-nft-multi")
