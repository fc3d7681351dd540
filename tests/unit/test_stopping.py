"""The end of a run: its threads stop at once, whatever they do; its main thread can still put away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raymesh.errors import Stopped
from raymesh.machine.programs import run
from raymesh.stopping import Threads
from raymesh.waiting import wait_for

WITHIN = 5.0  # seconds; the programs below take a minute
DOES = {
    "a program": "run(['sh', '-c', 'echo $$ > pid; sleep 60'], timeout=60)",
    "a wait": "wait_for('never', lambda: False, until=bool, within=60)",
    "one program after the other": "[run(['true'], timeout=9) for _ in range(100000)]",
}
A_RUN = """
import pathlib, signal, sys
from raymesh import stopping
# Who starts the suite with nohup or in the background hands on ignored signals, and those stay ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
from raymesh.machine.programs import run
from raymesh.waiting import wait_for
stopping.on_signals()
def work():
    pathlib.Path("started").touch()
    {what}
try:
    with stopping.Threads(1) as pool:
        pool.submit(work).result()
except KeyboardInterrupt:
    print(run(["echo", "put away"], timeout=10).stdout)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("what", DOES)
def test_a_signal_ends_what_threads_do_and_the_main_thread_puts_away(
    tmp_path: Path, what: str, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", A_RUN.format(what=DOES[what])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        wait_for("it works", (tmp_path / "started").exists, until=bool, within=20, every=0.05)
        if what == "a program":
            wait_for("it runs", (tmp_path / "pid").exists, until=bool, within=20, every=0.05)
        asked = time.monotonic()
        process.send_signal(number)
        assert process.communicate(timeout=WITHIN + 15)[0] == "put away\n\n"
        assert time.monotonic() - asked < WITHIN + 5, "TERM is given some seconds"
    if what == "a program":
        assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_an_ignored_signal_stays_ignored() -> None:
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from raymesh import stopping;"
        "stopping.on_signals(); print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    )
    assert run([sys.executable, "-c", code], timeout=30, cwd=Path.cwd()).stdout == "True\n"


@pytest.mark.parametrize("fails", [False, True])
def test_leaving_the_block_ends_its_threads_and_no_others(tmp_path: Path, fails: bool) -> None:
    def work(name: str, seconds: float) -> float:
        return run(["sh", "-c", f"touch {tmp_path / name}; sleep {seconds}"], timeout=60).seconds

    with Threads(1) as others:
        other = others.submit(work, "other", 2)
        begun = time.monotonic()
        try:
            with Threads(1) as pool:
                ours, next_one = pool.submit(work, "ours", 60), pool.submit(work, "next", 60)
                wait_for(
                    "both run", lambda: len(list(tmp_path.iterdir())), until=lambda n: n == 2, within=20, every=0.02
                )
                if fails:
                    raise KeyError
        except KeyError:
            assert fails
        assert time.monotonic() - begun < WITHIN
        assert isinstance(ours.exception(), Stopped)
        assert next_one.cancelled()
        assert other.result() >= 2
    assert not (tmp_path / "next").exists()


STARTING = """
import os, pathlib, signal, subprocess
from raymesh import stopping
from raymesh.machine import programs
signal.signal(signal.SIGTERM, signal.default_int_handler)
class Hit(subprocess.Popen):
    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        os.kill(os.getpid(), signal.SIGTERM)  # it runs, and nobody holds it yet
        pathlib.Path("pid").write_text(str(self.pid))
subprocess.Popen = Hit
try:
    programs.run(["sleep", "60"], timeout=60)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_program_that_is_just_being_started_does_not_stay_behind(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    command = [sys.executable, "-c", STARTING]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "interrupted\n", done.stderr
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()
