"""docs/first-half-hour.md is typed as it stands: what it says to be printed is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from raymesh.paths import ROOT

PAGE = ROOT / "docs" / "first-half-hour.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (?P<typed>.*?)(?:  # (?P<code>\d+))?\n(?P<printed>(?:(?!\$ ).*\n)*)", re.MULTILINE)


def test_what_is_typed_prints_what_the_page_says(tmp_path: Path) -> None:
    tools, folder = tmp_path / "bin", tmp_path / "repository"
    for made in (tools, folder):
        made.mkdir()
    (tools / "raymesh").write_text(f'#!/bin/sh\nexec {sys.executable} -m raymesh "$@"\n')
    (tools / "raymesh").chmod(0o755)
    environ = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    commands = [found for block in BLOCK.findall(PAGE.read_text()) for found in COMMAND.finditer(block)]
    assert len(commands) == sum(block.count("\n$ ") + 1 for block in BLOCK.findall(PAGE.read_text()))
    for found in commands:
        done = subprocess.run(
            ["bash", "-c", found["typed"]], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == int(found["code"] or 0), f"{found['typed']}\n{done.stdout}{done.stderr}"
        for line in found["printed"].splitlines():
            assert line in done.stdout + done.stderr, f"{found['typed']}\n{done.stdout}{done.stderr}"
