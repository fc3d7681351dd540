"""The first process of a box: SCENARIO KIND AT AFTERWARDS. Hits the work, does it again, cleans up, says what is left.

A box has its own processes, network, mounts, /run, /etc/netns and cache folder; its end is the end of all in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from raymesh.machine.ownership import VARIABLE
from tests.crash.scenarios import prepare

SECONDS = 120
MONTH = 31 * 24 * 3600
VOLATILE = ("/run", "/etc/netns")
LEFT_BEHIND = {"cluster": 60, "engine": 40, "hosts": 30}  # work and where it is killed, so that `clean` has to do


def mount_anew() -> None:
    """Give the box what a machine has after it was started: nothing in /run, no links but its own."""
    Path("/etc/netns").mkdir(exist_ok=True)
    for folder in VOLATILE:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def reboot() -> None:
    """End all processes of the box but this one, and lose what no disk holds."""
    for entry in Path("/proc").glob("[0-9]*"):
        if entry.name != "1":
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
    if Path("/sys/class/net/raymesh-host").exists():
        subprocess.run(["ip", "link", "delete", "raymesh-host"], check=True)
    for folder in VOLATILE:
        subprocess.run(["umount", "--recursive", folder], check=True)
    mount_anew()


def victim(
    box: Path, scenario: str, kind: str = "kill", at: int = 0, moved: float = 0
) -> subprocess.CompletedProcess[str]:
    """Do the work in a process of its own; with `at`, hit it there."""
    words = [sys.executable, "-B", "-m", "tests.crash.victim", str(box), scenario, kind, str(at), str(moved)]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=SECONDS)


def left(box: Path) -> list[str]:
    """Name what of raymesh is left in the box, its caches apart."""
    found = [f"/run/{path.name}" for path in Path("/run").iterdir() if "raymesh" in path.name]
    netns = Path("/run/netns")
    found += [f"namespace {path.name}" for path in (netns.iterdir() if netns.exists() else ())]
    found += [str(path) for path in Path("/etc/netns").iterdir()]
    found += [f"link {path.name}" for path in Path("/sys/class/net").iterdir() if path.name != "lo"]
    found += [f"{folder} {path.name}" for folder in ("nodes", "containers") for path in (box / folder).iterdir()]
    found += [str(path) for path in Path(tempfile.gettempdir()).glob("rmaudit-*")]
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{VARIABLE}=".encode() in (entry / "environ").read_bytes():
                found.append(f"process {(entry / 'cmdline').read_text()}")
    return found


def hit_and_mend(scenario: str, kind: str, at: int, afterwards: str) -> dict[str, object]:
    """Tell how the work ended when it was hit, how it ended when it was done again, and what was left in the end."""
    mount_anew()
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)  # of this network; and no control groups
    with tempfile.TemporaryDirectory() as folder:
        box = Path(folder)
        (box / "tmp").mkdir()
        os.environ |= {"BOX": folder, "XDG_CACHE_HOME": f"{folder}/cache", "TMPDIR": f"{folder}/tmp", "HOME": folder}
        os.environ["PATH"] = f"{folder}/programs:/usr/sbin:/usr/bin:/sbin:/bin"
        tempfile.tempdir = f"{folder}/tmp"
        prepare(box)
        for work, point in LEFT_BEHIND.items() if scenario == "clean" else ():
            victim(box, work, "kill", point)
        hit = victim(box, scenario, kind, at)
        if afterwards == "reboot":
            reboot()
        again = victim(box, scenario, moved=MONTH if afterwards == "month" else 0)
        clean = victim(box, "clean")
        return {
            "hit": hit.returncode,
            "said": hit.stderr[-1500:],
            "points": json.loads(hit.stdout.splitlines()[-1]) if hit.returncode == 0 else {},
            "again": again.returncode,
            "clean": clean.returncode,
            "left": left(box),
            "why": (again.stderr if again.returncode else clean.stderr if clean.returncode else "")[-1500:],
        }


if __name__ == "__main__":
    print(json.dumps(hit_and_mend(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])))
