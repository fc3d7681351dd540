"""The posture of ports: what is not as it should be is named, and what nobody looked at is not called right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from raymesh.commands.main import main
from raymesh.errors import UsageError
from raymesh.evidence.posture import as_text, rows, wrong
from raymesh.evidence.record import Record, to_json
from raymesh.evidence.sights import PortSeen
from tests.unit.evidence.records import GREEN, SEEN, SIGHTS

FINE = SIGHTS.ports[0]
IDLE = replace(FINE, listens=0, calls=0, knocks=0, refused=0, seen_as=(), crossed=(), held_by=())


def of(*ports: PortSeen) -> Record:
    return replace(GREEN, sights=replace(SIGHTS, ports=ports))


@pytest.mark.parametrize(
    ("port", "columns"),
    [
        (FINE, set()),
        (IDLE, set()),
        (replace(FINE, mtls=0), {"mtls"}),
        (replace(FINE, asked=0, mtls=0), set()),
        (replace(FINE, refused=4), {"refused"}),
        (replace(FINE, seen_as=("grpc", "http")), {"speaks"}),
        (replace(FINE, declared="tcp"), {"speaks"}),
        (replace(FINE, name=""), {"name"}),
        (replace(IDLE, name="", mtls=0), set()),
    ],
)
def test_what_is_not_as_it_should_be_is_named_by_its_column(port: PortSeen, columns: set[str]) -> None:
    assert wrong(port).keys() == columns


def test_neighbours_at_which_nothing_was_to_be_seen_share_a_row() -> None:
    ports = [replace(IDLE, number=number) for number in range(10002, 10006)]
    ports += [replace(FINE, number=10006), replace(IDLE, number=10007), replace(IDLE, number=10009)]
    ports.append(replace(IDLE, number=10010, role="worker"))
    assert [row.numbers for row in rows(ports)] == ["10002-10005", "10006", "10007", "10009", "10010"]
    assert sum(row.last - row.port.number + 1 for row in rows(ports)) == len(ports)


def test_a_dash_stands_where_nobody_was_asked() -> None:
    [_, line] = as_text(of(replace(FINE, asked=0, mtls=0, knocks=0, refused=0))).splitlines()
    assert line.split()[-3:] == ["-", "42", "-"]
    [_, line] = as_text(of(replace(FINE, mtls=0))).splitlines()
    assert line.split()[0] == "RED"
    assert line.split()[-3:] == ["0/1", "42", "5/5"]


@pytest.mark.parametrize("record", [GREEN, of()])
def test_a_record_without_ports_is_an_error_and_not_an_empty_table(record: Record) -> None:
    with pytest.raises(UsageError, match="shows no ports"):
        as_text(record)


@pytest.mark.parametrize(("record", "code"), [(of(FINE), 0), (SEEN, 1), (GREEN, 2)])
def test_the_command_prints_it_and_says_by_its_code_whether_something_is_wrong(
    record: Record, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record.json"
    path.write_text(to_json(record))
    assert main(["ports", "posture", str(path)]) == code
    assert (capsys.readouterr().out != "") == (code < 2)
