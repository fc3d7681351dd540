"""What the exit code of every command says; docs/command-line.md is the same list for people."""

from __future__ import annotations

CLEAN = 0  # done, nothing found
FOUND = 1  # findings at or above what fails, or something left that could not be removed
USAGE = 2  # an option, a path or a configuration that raymesh can't take; argparse's own code
UNREADABLE = 3  # an input of ours could not be read; the rest was looked at all the same
FAULT = 4  # the machine, the network or a program that was started, not the input
INTERRUPTED = 130  # Ctrl-C, as shells have it
