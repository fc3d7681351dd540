"""Classes that are made fast: they are what dataclasses are, less what nobody asks of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import field, fields, replace
from pathlib import Path

from raymesh.frozen import frozen
from raymesh.paths import ROOT
from tests.unit.lint.examples import CLEAN


@frozen
class Base:
    name: str
    words: list[str] = field(default_factory=list)


@frozen
class Derived(Base):
    number: int = 0


def test_fields_are_those_of_a_dataclass() -> None:
    one = Derived("a", ["b"], number=2)
    assert [f.name for f in fields(Derived)] == ["name", "words", "number"]
    assert (one.name, one.words, one.number, Base("c").words) == ("a", ["b"], 2, [])
    assert replace(one, number=3).number == 3
    assert repr(one) == "Derived(name='a', words=['b'], number=2)"


def test_no_two_are_equal_and_each_is_a_key() -> None:
    one, other = Base("a"), Base("a")
    assert one != other
    assert len({one, other, one}) == 2


def test_linting_a_clean_file_does_not_load_what_findings_and_fixes_take(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CLEAN)
    code = (
        "import sys; from raymesh.commands.main import main; code = main(['lint', 'mine.yaml']);"
        "print(code, *sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    code_, *loaded = done.stdout.splitlines()[-1].split()
    assert code_ == "0", done.stdout
    assert "raymesh.lint.rules.service" in loaded
    unneeded = {
        "difflib",
        "hashlib",
        "tomllib",
        "subprocess",
        "tempfile",
        "xml",
        "jsonschema",
        "raymesh.manifests.writing",
    }
    assert not unneeded & set(loaded)
