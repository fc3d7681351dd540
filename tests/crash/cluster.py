"""Hits real runs on a real cluster, each followed by one that is left alone and has to be green.

It takes an engine or root, images that are there, and about four minutes a point. The table has a line a point; exit
code 1 where a run after a hit was not green, or where `raymesh clean` left something in the end.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from raymesh.machine import engine
from raymesh.machine.ownership import VARIABLE
from raymesh.paths import ROOT

RUN_SECONDS, CLEAN_SECONDS, END_SECONDS = 1500, 300, 30
NAME = "raymesh-crash"
Victim = Callable[[psutil.Process], list[psutil.Process]]


def _itself(run: psutil.Process) -> list[psutil.Process]:
    return [run]


def _engine(_: psutil.Process) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in (engine.recorded_pid(),) if pid]


def _dockerd(run: psutil.Process) -> list[psutil.Process]:
    return [child for process in _engine(run) for child in process.children()]


def _child(name: str) -> Victim:
    return lambda run: [process for process in run.children(recursive=True) if process.name() == name]


@dataclass(frozen=True)
class Point:
    """A line of a run's progress, seconds after it, whom to hit then, and with what."""

    line: str
    after: float
    whom: str
    victim: Victim
    sign: signal.Signals = signal.SIGKILL


POINTS = (
    Point("start a private Docker engine ...", 0.3, "pytest", _itself),
    Point("start a private Docker engine ...", 1.0, "engine", _engine),
    Point("create the kind cluster ...", 1.0, "pytest", _itself),
    Point("create the kind cluster ...", 5.0, "kind", _child("kind")),
    Point("create the kind cluster ...", 8.0, "dockerd", _dockerd),
    Point("create the kind cluster done", 0.5, "pytest", _itself),
    Point("install Istio ...", 3.0, "pytest", _itself),
    Point("install Istio ...", 5.0, "istioctl", _child("istioctl")),
    Point("install Istio ...", 5.0, "pytest, by Ctrl-C", _itself, signal.SIGINT),
    Point("install the KubeRay operator ...", 2.0, "engine", _engine),
    Point("start the RayCluster ...", 3.0, "pytest", _itself),
    Point("start the RayCluster ...", 5.0, "pytest, by SIGTERM", _itself, signal.SIGTERM),
    Point("start the RayCluster done", 2.0, "kubectl", _child("kubectl")),
    Point("delete the kind cluster ...", 0.5, "pytest", _itself),
)


def run(select: str, point: Point | None) -> tuple[int, float]:
    """Run the tests that `select` names, hit at `point`; return its exit code and the seconds from hit to end."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "pytest", "-m", "e2e", "-k", select, "--cluster-name", NAME]
        process = subprocess.Popen(
            [*words, "--artifacts", f"{folder}/artifacts"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        hit: list[float] = []
        assert process.stderr
        deadline = threading.Timer(RUN_SECONDS, process.kill)
        deadline.start()
        for line in process.stderr:
            print(f"    {line}", end="", flush=True)
            if point and not hit and point.line in line:
                hit.append(time.monotonic())
                threading.Timer(point.after, _hit, (point, psutil.Process(process.pid))).start()
        code = process.wait()
        deadline.cancel()
        return code, time.monotonic() - hit[0] - (point.after if point else 0) if hit else 0.0


def _hit(point: Point, process: psutil.Process) -> None:
    for victim in point.victim(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(point.sign)


def left() -> list[str]:
    """Name what of raymesh is left on the machine, its caches apart."""
    found = engine.private_traces()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if VARIABLE in process.environ() and process.pid != os.getpid():
                found.append(f"process {process.pid}: {' '.join(process.cmdline())[:80]}")
    return found + [f"/run/{path.name}" for path in Path("/run").glob("raymesh*")]


def main() -> int:
    """Run the points and print their table."""
    parser = argparse.ArgumentParser(description="Hit real runs on a real cluster; is the next one green?")
    parser.add_argument("--select", default="platform", metavar="WORDS", help="tests to run, as pytest's -k (platform)")
    parser.add_argument("--points", nargs="*", type=int, metavar="N", help="numbers of the points, from 1 (all)")
    arguments = parser.parse_args()
    rows = ["| at | hit | seconds to its end | next run |", "| --- | --- | --- | --- |"]
    bad = False
    for number, point in enumerate(POINTS, 1):
        if arguments.points and number not in arguments.points:
            continue
        code, seconds = run(arguments.select, point)
        after, _ = run(arguments.select, None)
        late = point.sign is not signal.SIGKILL and seconds > END_SECONDS
        bad |= after != 0 or late
        rows.append(
            f"| {point.line} + {point.after:g} s | {point.whom} ({code}) | {seconds:.0f} | {after or 'green'} |"
        )
        print(rows[-1], flush=True)
    clean = subprocess.run(
        [sys.executable, "-m", "raymesh.commands.main", "clean"], cwd=ROOT, check=False, timeout=CLEAN_SECONDS
    )
    print("\n" + "\n".join(rows) + f"\n\nclean: {clean.returncode}; left: {', '.join(left()) or 'nothing'}")
    return int(bad or clean.returncode != 0 or bool(left()))


if __name__ == "__main__":
    sys.exit(main())
