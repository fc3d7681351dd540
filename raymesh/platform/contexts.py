"""Contexts of the user's kubeconfig, by kubectl and nothing else: a base install of the linter asks as well."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from raymesh import deadlines, stopping
from raymesh.errors import EnvironmentFault, UsageError

SECONDS = 20  # kubectl reads a file


def ask(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run kubectl to its end, or end it. Raises FileNotFoundError, and TimeoutExpired after `seconds`, scaled."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with stopping.held_back():
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        out, err = process.communicate(timeout=deadlines.scaled(seconds))
    except BaseException:
        if process:
            process.kill()
            process.wait()
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def check(kubectl: str, context: str) -> None:
    """Refuse a context that the kubeconfig (KUBECONFIG is honoured) does not have.

    Raises UsageError that lists those it has, or has kubectl's words where the file can't be read, and
    EnvironmentFault where there is no kubectl or it does not end.
    """
    command = [kubectl, "config", "get-contexts", "--output=name"]
    try:
        done = ask(command, SECONDS)
    except FileNotFoundError as error:
        raise EnvironmentFault("there is no kubectl on PATH", "install it, or pipe its output into `-`") from error
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFault(f"{' '.join(command)}: no end after {error.timeout:g} s", "try that command") from error
    where = os.environ.get("KUBECONFIG", "~/.kube/config")
    if done.returncode:
        raise UsageError(f"--context {context}: {done.stderr.decode(errors='replace').strip() or where}")
    known = done.stdout.decode(errors="replace").split()
    if context not in known:
        raise UsageError(f"--context {context}: {where} has {', '.join(known) or 'no context'}")
