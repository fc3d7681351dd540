"""Sends Ctrl-C and SIGTERM to raymesh's commands at random moments: how long until nothing of them is left?

`python -m tests.crash.signals`. No cluster and no engine: the API server and the registry are a socket on loopback that
takes connections and says nothing. Commands are started as a terminal does it, in a process group of their own; what
belongs to one is known by a mark in its environment. Exit code 1 where something is left after 30 s, or in a folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from raymesh.errors import WaitTimeout
from raymesh.generate.manifests import Plan, as_yaml, cluster, service
from raymesh.paths import ROOT
from raymesh.ports import working_contract
from raymesh.waiting import wait_for

END_SECONDS = 30.0
SECONDS = 120.0  # nothing here goes on for longer
MARK = "RAYMESH_TEST_OF_SIGNALS"
MANIFESTS = 400  # of a repository that takes some seconds to lint
PULL = """
from raymesh import stopping
from raymesh.images.remote import Registries
from raymesh.images.source import pullable
from raymesh.progress import Progress
from raymesh.settings import load_settings
stopping.on_signals()
given = {{'image-source': 'pull', 'registry': '127.0.0.1:{port}/mirror'}}
pullable(load_settings(given.get, {{}}), Registries(), Progress())
"""


@dataclass(frozen=True)
class Work:
    """A command, and within which seconds of its life it is hit."""

    name: str
    words: tuple[str, ...]
    until: float


def works(port: int) -> list[Work]:
    raymesh = (sys.executable, "-m", "raymesh")
    return [
        Work("lint, many files", (*raymesh, "lint", "many"), 4),
        Work("lint --fix, many files", (*raymesh, "lint", "many", "--fix"), 4),
        Work("lint --context, silent API server", (*raymesh, "lint", "--context", "silent"), 4),
        Work("preflight, silent API server", (*raymesh, "preflight", "--context", "silent"), 5),
        Work("dashboards, silent API server", (*raymesh, "dashboards", "--context", "silent"), 5),
        Work("clean --context, silent API server", (*raymesh, "clean", "--context", "silent"), 5),
        Work("prove, silent API server", (*raymesh, "prove", "--context", "silent", "--running", "a/b"), 8),
        Work("pull, silent registry", (sys.executable, "-c", PULL.format(port=port)), 6),
        Work("audit, wheels of Ray", (*raymesh, "ports", "audit", "--ray", "2.48.0", "--loopback"), 40),
    ]


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """Take connections on loopback, as many as come, and never say a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]


def belonging(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def hit(work: Work, sign: signal.Signals, after: float, folder: Path) -> tuple[str, float, list[str]]:
    """Start it, hit it; its exit code, the seconds until nothing of it was left, and what was."""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    environ = {**os.environ, MARK: mark, "PYTHONPATH": str(ROOT), "KUBECONFIG": str(folder / "kubeconfig")}
    environ |= {"TMPDIR": str(folder / "tmp"), "XDG_CACHE_HOME": str(folder / "cache"), "XDG_RUNTIME_DIR": str(folder)}
    process = subprocess.Popen(
        work.words,
        cwd=folder,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(after)
        return f"{code}, before the signal", 0.0, left(folder)
    began = time.monotonic()
    os.killpg(process.pid, sign) if sign is signal.SIGINT else process.send_signal(sign)
    with contextlib.suppress(WaitTimeout):
        wait_for(
            "nothing of it is left",
            lambda: process.poll() is not None and not belonging(mark),
            until=bool,
            within=SECONDS,
            every=0.02,
        )
    seconds = time.monotonic() - began
    found = [f"process {one.pid}: {' '.join(one.cmdline())[:80]}" for one in belonging(mark)]
    for one in belonging(mark):
        one.kill()
    return str(process.wait(9)), seconds, found + left(folder)


def left(folder: Path) -> list[str]:
    """Name half-written files and scratch folders; caches and artifacts stay on purpose."""
    found = [str(path.relative_to(folder)) for path in (folder / "tmp").iterdir()]
    for path in folder.rglob("*.part"):
        found.append(str(path.relative_to(folder)))
    for path in (folder / "tmp").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return found


def prepare(folder: Path, port: int) -> None:
    for name in ("many", "tmp", "cache"):
        (folder / name).mkdir()
    for number in range(MANIFESTS):
        plan = Plan(working_contract("2.60.0"), name=f"ray-{number}")
        text = as_yaml(service(plan), cluster(plan)).replace("port: 6380", "port: 6390")
        (folder / "many" / f"{number}.yaml").write_text(text)
    (folder / "kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\nusers: [{name: u, user: {token: t}}]\n"
        f"clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{port}'}}}}]\n"
        "contexts: [{name: silent, context: {cluster: c, user: u}}]\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Ctrl-C and SIGTERM at random moments")
    parser.add_argument("--hits", type=int, default=4, help="of each command (4)")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--only", default="", help="commands whose name has this in it")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    bad, worst, total = False, 0.0, 0
    print("| command | signal | after, s | exit code | nothing left after, s | left |")
    print("| --- | --- | --- | --- | --- | --- |")
    with silent() as port, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, port)
        for work in works(port):
            for number in range(arguments.hits if arguments.only in work.name else 0):
                sign = (signal.SIGINT, signal.SIGTERM)[number % 2]
                after = round(chance.uniform(0.05, work.until), 2)
                code, seconds, found = hit(work, sign, after, folder)
                bad |= seconds > END_SECONDS or bool(found)
                worst, total = max(worst, seconds), total + 1
                print(
                    f"| {work.name} | {sign.name} | {after} | {code} | {seconds:.1f} | {'; '.join(found) or '-'} |",
                    flush=True,
                )
    print(f"\n{total} hits, worst {worst:.1f} s")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
