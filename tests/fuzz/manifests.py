"""Coverage-guided fuzzing of readers, fixers and mergers: `make fuzz`, for a bounded time.

Run: python tests/fuzz/manifests.py [-max_total_time=SECONDS] [FOLDER OF INPUTS]. It ends at the first input that makes
a traceback, a fix that is worse than the file it was given, or JSON that is none any more, and keeps that input.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["raymesh"]):
    from raymesh.errors import UsageError
    from raymesh.generate.merging import Wishes, merge
    from raymesh.lint.fixing import fix_texts
    from raymesh.lint.run import lint_texts
    from raymesh.manifests.editing import is_json

from tests.unit.lint.examples import CLEAN, OLD_CLEAN, RED

SECONDS = 60


def one_input(data: bytes) -> None:
    """Read, fix and merge one text. Raises whatever goes wrong."""
    text = data.decode("utf-8", "replace")
    before = lint_texts({"m": text})
    fixed = fix_texts({"m": text})
    after = fixed.sources["m"]
    was, now = (Counter(f.rule for f in report.findings) for report in (before, fixed))
    worse = {rule for rule in now if now[rule] > was[rule]}
    assert not worse, f"fixing leads to {worse}"
    assert is_json(after) >= is_json(text), "fixing makes JSON something else"
    try:
        merged = merge(text, Wishes()).text
    except UsageError:
        return
    assert is_json(merged) >= is_json(text), "merging makes JSON something else"
    assert merge(merged, Wishes()).text == merged, "merging again changes something"


def main() -> None:
    """Fuzz from the examples of the rules."""
    with TemporaryDirectory() as name:
        for at, text in enumerate([CLEAN, OLD_CLEAN, *(example.text for example in RED.values())]):
            (Path(name) / f"{at}.yaml").write_text(text, encoding="utf-8")
        given = sys.argv[1:]
        if not any(word.startswith("-max_total_time") for word in given):
            given.append(f"-max_total_time={SECONDS}")
        atheris.Setup([sys.argv[0], "-max_len=8192", "-timeout=10", *given, name], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
