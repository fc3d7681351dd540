"""What the exit code of every command says; docs/command-line.md and the help have the same list."""

from __future__ import annotations

from raymesh.errors import InputUnread, RaymeshError, UsageError

CLEAN = 0
FOUND = 1
USAGE = 2  # argparse's own code
UNREADABLE = 3
FAULT = 4
INTERRUPTED = 130  # Ctrl-C, as shells have it
MEANINGS = {
    CLEAN: "done, nothing found at or above what fails",
    FOUND: "findings, or something that could not be removed or is not ready",
    USAGE: "wrong usage: an option, a path that is not there or holds no manifest, a configuration, an unknown context",
    UNREADABLE: "an input could not be read; the rest was looked at all the same",
    FAULT: "the machine, the network or a program that was started is at fault",
    INTERRUPTED: "interrupted",
}


def of(error: RaymeshError) -> int:
    """Return the code of a command that ends with this error."""
    if isinstance(error, InputUnread):
        return UNREADABLE
    return USAGE if isinstance(error, UsageError) else FAULT
