"""Run by the audited Ray's own Python: what `ray start` says of flags, up to the point where it would start processes.

Reads a JSON list of argument lists from standard input, prints a JSON list: null where Ray goes on, else what it
refused with. Everything is Ray's own, click included; only the class that would start processes is replaced, by the
part of its constructor that checks ports (_private/node.py).
"""

import contextlib
import io
import json
import sys

import ray._private.node
from ray.scripts.scripts import start


class GoesOnError(Exception):
    """Ray would now start its processes."""


class Checked:
    """The part of Ray's Node that looks at ports."""

    def __init__(self, params, head=False, **_kept) -> None:  # type: ignore[no-untyped-def]  # as Ray calls it
        del head
        params.update_pre_selected_port()
        raise GoesOnError


def answer(arguments: list[str]) -> str | None:
    """What Ray refuses these arguments with, None if it goes on."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            start.main(args=arguments, standalone_mode=False)
    except GoesOnError:
        return None
    except SystemExit as ended:  # Ray's own abort
        return f"exit {ended.code}"
    except Exception as refused:  # noqa: BLE001 - whatever Ray refuses with
        return f"{type(refused).__name__}: {refused}"
    return "ended"


if __name__ == "__main__":
    vars(ray._private.node)["Node"] = Checked
    print(json.dumps([answer(arguments) for arguments in json.load(sys.stdin)]))
