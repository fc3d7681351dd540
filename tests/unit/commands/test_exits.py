"""One table of exit codes: every command ends with the code that the help and the page say, whatever goes wrong."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from raymesh.commands import exits
from raymesh.commands.main import COMMANDS, Command, Group, main
from raymesh.paths import ROOT
from raymesh.waiting import wait_for

# A kubectl that knows the context `known`, whose API server refuses connections. Its kubeconfig may be broken.
KUBECTL = """\
#!/bin/sh
case "$*" in
*get-contexts*)
  [ "$KUBECONFIG" != broken ] || { echo "error: error loading config file \\"broken\\"" >&2; exit 1; }
  echo known ;;
*) echo "The connection to the server 127.0.0.1:1 was refused" >&2; exit 1 ;;
esac
"""


def every_command(commands: Mapping[str, Command | Group] = COMMANDS, *before: str) -> Iterator[tuple[str, ...]]:
    for name, command in commands.items():
        if isinstance(command, Group):
            yield from every_command(command.commands, *before, name)
        else:
            yield (*before, name)


ALL = list(every_command())


def options(words: tuple[str, ...]) -> set[str]:
    """What the command takes: options, and the destinations of what has none."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"raymesh.commands.{words[-1]}").add_arguments(parser)
    return {name for action in parser._actions for name in action.option_strings or [action.dest]}


WITH_CONTEXT = [words for words in ALL if "--context" in options(words)]
# One that reads records, and how many it is given.
WITH_RECORDS = [(words, 1) for words in ALL if options(words) & {"record", "records"}] + [(("compare",), 2)]
NEEDS: dict[tuple[str, ...], list[str]] = {("prove",): ["--running", "ns/name"]}


def code(words: list[str]) -> int:
    """The code of one command; `prove` becomes pytest, and so takes a process of its own."""
    if words[:1] == ["prove"] and "--help" not in words:
        environ = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run([sys.executable, "-m", "raymesh", *words], env=environ, check=False).returncode
    try:
        return main(words)
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the kubectl above before all others."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "kubectl").write_text(KUBECTL)
    (tools / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", "config")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_the_page_and_the_help_have_the_same_table(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)
    assert {int(number): told for number, told in rows} == exits.MEANINGS
    assert code(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(meaning in told for meaning in exits.MEANINGS.values())
    assert set(exits.MEANINGS) == {value for name, value in vars(exits).items() if isinstance(value, int)}


@pytest.mark.parametrize("words", [[], ["ports"]], ids=["raymesh", "raymesh ports"])
def test_nothing_asked_for_is_answered_with_the_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert code(words) == exits.USAGE
    told = capsys.readouterr()
    assert told.err == ""
    with pytest.raises(SystemExit, match="0"):
        main([*words, "--help"])
    assert told.out == capsys.readouterr().out


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_is_no_failure_and_an_unknown_option_is(words: tuple[str, ...]) -> None:
    assert code([*words, "--help"]) == exits.CLEAN
    assert code([*words, "--no-such-option"]) == exits.USAGE


@pytest.mark.parametrize("words", WITH_CONTEXT, ids=" ".join)
def test_an_unknown_context_is_wrong_usage(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    line = [*words, "--context", "nope", *NEEDS.get(words, [])]
    assert code(line) == exits.USAGE
    monkeypatch.setenv("KUBECONFIG", "broken")
    assert code(line) == exits.USAGE


@pytest.mark.parametrize("words", WITH_CONTEXT, ids=" ".join)
def test_a_cluster_that_is_out_of_reach_is_a_fault(words: tuple[str, ...]) -> None:
    assert code([*words, "--context", "known", *NEEDS.get(words, [])]) == exits.FAULT


@pytest.mark.parametrize(("words", "count"), WITH_RECORDS, ids=[" ".join(words) for words, _ in WITH_RECORDS])
def test_a_record_that_is_not_there_is_wrong_usage_and_one_that_is_none_unreadable(
    words: tuple[str, ...], count: int, folder: Path
) -> None:
    assert code([*words, *["missing.json"] * count]) == exits.USAGE
    for name, text in {"empty": "", "text": "no record", "other": "{}", "old": '{"schema": 1}'}.items():
        (folder / name).write_text(text)
        assert code([*words, *[name] * count]) == exits.UNREADABLE, name
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    assert code([*words, *["binary"] * count]) == exits.UNREADABLE
    assert code([*words, *["."] * count]) == exits.UNREADABLE


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nonsense", exits.USAGE),
        ("prove --lane none", exits.USAGE),
        ("prove --timeout-factor much", exits.USAGE),
        ("prove --context known", exits.USAGE),
        ("prove --subject missing.yaml", exits.USAGE),
        ("prove --subject broken.yaml", exits.UNREADABLE),
        ("prove --registry-ca missing --registry h/p", exits.USAGE),
        ("ports generate --ray old", exits.USAGE),
        ("ports generate --merge missing.yaml", exits.USAGE),
        ("ports generate --merge .", exits.UNREADABLE),
        ("ports lint missing.yaml", exits.USAGE),
        ("ports lint", exits.UNREADABLE),
        ("ports lint broken.yaml", exits.UNREADABLE),
        ("ports lint --config missing broken.yaml", exits.USAGE),
        ("ports lint --config broken.yaml broken.yaml", exits.USAGE),
        ("ports lint --baseline broken.yaml broken.yaml", exits.USAGE),
        ("ports lint --select nothing broken.yaml", exits.USAGE),
        ("ports audit --ray old", exits.USAGE),
        ("ports diff 2.10", exits.USAGE),
        ("ports diff 2.10 2.60", exits.CLEAN),
        ("lanes --images none", exits.USAGE),
        ("lanes --registry h/p", exits.USAGE),
        ("lanes", exits.CLEAN),
        ("explain RM999", exits.USAGE),
        ("explain", exits.CLEAN),
        ("dashboards --context known --running wrong", exits.USAGE),
        ("preflight --context known --running wrong", exits.USAGE),
        ("clean --keep seed", exits.USAGE),
        ("clean --images --keep none", exits.USAGE),
        ("sbom --lane none", exits.USAGE),
        ("sbom", exits.CLEAN),
    ],
)
def test_what_a_command_can_not_take(line: str, expected: int, folder: Path) -> None:
    (folder / "broken.yaml").write_text("kind: RayCluster\napiVersion: [ray.io/v1\n")
    assert code(line.split()) == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("line", ["ports lint --context known", "clean --context known", "preflight --context known"])
def test_who_is_asked_to_end_takes_along_what_it_started(line: str, number: signal.Signals, folder: Path) -> None:
    waits = KUBECTL.replace("*) echo", "*) echo $$ > pid; exec sleep 60; echo")
    (folder.parent / "tools" / "kubectl").write_text(waits)
    # Whoever runs the tests with nohup or in the background hands on ignored signals.
    heard = "import signal, sys; [signal.signal(n, signal.SIG_DFL) for n in (1, 15)]"
    program = f"{heard}; signal.signal(2, signal.default_int_handler); from raymesh.commands import main"
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}; sys.exit(main.main())", *line.split()],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    ) as process:
        pid = folder / "pid"
        wait_for("kubectl runs", lambda: pid.exists() and pid.read_text().strip(), until=bool, within=30, every=0.05)
        process.send_signal(number)
        assert process.wait(10) == exits.INTERRUPTED
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(int(pid.read_text())).status() == psutil.STATUS_ZOMBIE
