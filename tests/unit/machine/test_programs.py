"""run(): exit codes, deadlines, logs; nothing that it started is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from raymesh.errors import CommandError
from raymesh.machine import ownership, programs
from raymesh.machine.programs import TAIL_LINES, run, running
from raymesh.waiting import wait_for


def test_output_and_exit_code_come_back() -> None:
    done = run(["sh", "-c", "cat; echo err >&2; exit 3"], timeout=10, stdin="in", check=False)
    assert (done.code, done.stdout, done.stderr) == (3, "in", "err\n")


def test_a_failure_holds_command_code_and_last_lines() -> None:
    with pytest.raises(CommandError, match=r"exit code 3: sh -c 'echo why >&2; exit 3'\n  \| why"):
        run(["sh", "-c", "echo why >&2; exit 3"], timeout=10)


def test_a_failure_that_only_wrote_to_stdout_shows_that() -> None:
    with pytest.raises(CommandError, match=r"\| out"):
        run(["sh", "-c", "echo out; exit 1"], timeout=10)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandError, match="cannot start no-such-program: No such file"):
        run(["no-such-program"], timeout=10)


def test_output_that_is_no_text_is_no_error() -> None:
    assert run(["printf", r"\377"], timeout=10).stdout == "\ufffd"


def test_standard_input_is_empty_unless_given() -> None:
    assert run(["cat"], timeout=10).stdout == ""


def test_a_program_that_reads_late_gets_all_of_a_long_input() -> None:
    done = run(["sh", "-c", "sleep 1.2; wc -c"], timeout=20, stdin="x" * 1_000_000)
    assert done.stdout.strip() == "1000000"


def test_the_environment_is_added_to_ours_and_carries_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    seen = run(["env"], timeout=10, env={"GIVEN": "2"}).stdout.splitlines()
    assert {"OURS=1", "GIVEN=2", f"{ownership.VARIABLE}={ownership.mark()[ownership.VARIABLE]}"} <= set(seen)


def test_a_passed_deadline_ends_the_whole_group_and_says_so(tmp_path: Path) -> None:
    child = tmp_path / "child"
    with pytest.raises(CommandError, match=r"no end after 0\.3 s: sh -c"):
        run(["sh", "-c", f"sleep 60 & echo $! > {child}; wait"], timeout=0.3)
    wait_gone(int(child.read_text()))


def test_a_child_that_ignores_the_polite_signal_does_not_outlive_its_parent(tmp_path: Path) -> None:
    child = tmp_path / "child"
    deaf = f"trap '' TERM; echo $$ > {child}; while :; do sleep 0.1; done"
    with pytest.raises(CommandError, match="no end after"):
        run(["sh", "-c", 'sh -c "$0" & wait', deaf], timeout=0.3)
    wait_gone(int(child.read_text()))


def test_who_ignores_the_polite_signal_gets_the_other_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "TERM_GRACE_SECONDS", 0.2)
    own = tmp_path / "own"
    with pytest.raises(CommandError, match="no end after"):
        run(["sh", "-c", f"trap '' TERM; echo $$ > {own}; while :; do sleep 0.1; done"], timeout=0.3)
    wait_gone(int(own.read_text()))


def test_a_log_keeps_command_and_both_streams_and_the_error_shows_its_tail(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    run(["echo", "before"], timeout=10, log=log)
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "seq 100; echo why >&2; exit 1"], timeout=10, log=log)
    assert log.read_text().startswith("$ echo before\nbefore\n$ sh -c")
    rows = str(caught.value).splitlines()
    assert rows[-1] == f"  log: {log}"
    assert rows[-2] == "  | why"
    assert len([row for row in rows if row.startswith("  | ")]) == TAIL_LINES


def test_who_writes_nothing_for_too_long_is_given_up(tmp_path: Path) -> None:
    log, child = tmp_path / "x.log", tmp_path / "child"
    with pytest.raises(CommandError, match=r"not a word for 0\.3 s: sh -c [\s\S]*\| get a module[\s\S]*log: "):
        run(["sh", "-c", f"echo get a module; sleep 60 & echo $! > {child}; wait"], timeout=60, log=log, silence=0.3)
    wait_gone(int(child.read_text()))


def test_who_writes_now_and_then_may_take_longer(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    done = run(["sh", "-c", "for n in 1 2 3 4; do echo $n; sleep 0.3; done"], timeout=60, log=log, silence=0.9)
    assert done.code == 0
    assert done.seconds > 0.9
    with pytest.raises(CommandError, match=r"no end after 0\.5 s"):
        run(["sh", "-c", "while :; do echo x; sleep 0.1; done"], timeout=0.5, log=log, silence=10)


def test_a_running_program_carries_the_mark_and_ends_with_its_block_and_all_it_started(tmp_path: Path) -> None:
    child, seen = tmp_path / "child", tmp_path / "seen"
    script = f"env > {seen}; sleep 60 & echo $! > {child}.part && mv {child}.part {child}; wait"
    with running(["sh", "-c", script], environ={"PATH": "/usr/bin:/bin"}) as process:
        wait_for("it started a child", child.exists, until=bool, within=10, every=0.02)
        assert process.poll() is None
    wait_gone(int(child.read_text()))
    variables = {row.partition("=")[0] for row in seen.read_text().splitlines()}
    assert ownership.VARIABLE in variables
    assert "HOME" not in variables, "the environment was given whole"


def test_output_of_a_program_that_takes_its_time_is_whole() -> None:
    done = run(["sh", "-c", "cat; for n in 1 2 3 4; do echo $n; sleep 0.4; done"], timeout=30, stdin="in\n")
    assert done.stdout == "in\n1\n2\n3\n4\n"
    assert done.seconds > programs.SLICE_SECONDS


def wait_gone(pid: int) -> None:
    """A process that nobody waits for stays a zombie: that counts as gone."""
    stat = Path(f"/proc/{pid}/stat")
    wait_for(
        f"process {pid} gone",
        lambda: stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else "Z",
        until=lambda state: state == "Z",
        within=5,
        every=0.02,
        transient=(OSError,),
    )
