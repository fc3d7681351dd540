"""The command line of audit and diff, as far as it needs no Ray."""

import json

import pytest

from raymesh.audit.drills import blocked_port
from raymesh.audit.judge import judge
from raymesh.audit.render import as_json, as_text
from raymesh.commands.exits import USAGE
from raymesh.commands.main import main
from raymesh.errors import UsageError
from raymesh.ports import contract
from raymesh.progress import Progress
from tests.unit.audit.audits import clean


def test_diff_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a change, under the versions."""
    assert main(["ports", "diff", "2.10.0", "2.60.0"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["what", "which", "Ray", "2.10.0", "Ray", "2.60.0", "known"]
    assert any(row.split() == ["flag", "--dashboard-grpc-port", "shown", "-", "measured"] for row in rows)


def test_diff_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    """For machines."""
    assert main(["ports", "diff", "2.10.0", "2.60.0", "--format", "json"]) == 0
    told = capsys.readouterr().out
    gone = {"topic": "flag", "subject": "--storage", "old": "shown", "new": "", "known": "measured"}
    assert gone in json.loads(told)
    assert main(["ports", "diff", "2.10", "v2.60", "--json"]) == 0, "in other words"
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["diff", "2.10.0", "9.9.9"], "9.9.9"),
        (["audit", "--ray", "banana"], "banana"),
        (["audit", "--ray", "2.10.0", "--start-param", "oops"], "KEY=VALUE"),
    ],
)
def test_bad_input_is_refused_in_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    assert main(["ports", *words]) == USAGE
    assert says in capsys.readouterr().err


def test_an_unknown_port_to_block_is_refused_with_the_choice() -> None:
    """Before anything is started."""
    with pytest.raises(UsageError, match="object-manager-port"):
        next(blocked_port(contract("2.10.0"), "nonsense", Progress()))


def test_an_audit_is_shown_as_text_and_json() -> None:
    """Both name every listener and say what was found."""
    made = contract("2.10.0")
    text = as_text(clean(), judge(clean(), made), made)
    assert "no findings" in text
    assert all(str(one.number) in text for one in clean().listeners)
    data = json.loads(as_json(clean(), judge(clean(), made)))
    assert data["findings"] == []
    assert len(data["listeners"]) == len(clean().listeners)
