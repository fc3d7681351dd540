"""Toolboxes: unpacked once, anew after a month, and run from only while nobody else could have changed them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.machine import packages, toolbox
from raymesh.machine.toolbox import FRESH_SECONDS
from raymesh.progress import Progress
from tests.unit.machine.strangers import give_away


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The suites that were fetched from; a fetched package is one program."""
    suites: list[str] = []

    def fetch(suite: str, _: list[str], into: Path) -> list[str]:
        suites.append(suite)
        (into / "usr" / "bin").mkdir(parents=True, exist_ok=True)
        (into / "usr" / "bin" / "kind").write_text(f"{len(suites)}")
        return ["kind_0.27+b1%3a2_amd64.deb"]

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(packages, "host_codename", lambda: "bookworm")
    monkeypatch.setattr(packages, "fetch", fetch)
    monkeypatch.setattr(toolbox, "_not_renewed", set())
    return suites


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)


def tools(*, renew: bool = True) -> str:
    return toolbox.toolbox("cluster", Progress(), renew=renew).program("kind").read_text()


def test_it_is_unpacked_once(fetched: list[str]) -> None:
    assert [tools(), tools()] == ["1", "1"]
    assert fetched == ["trixie"]


@pytest.mark.parametrize("moved", [FRESH_SECONDS + 60, -3600.0], ids=["a month later", "a clock that went back"])
def test_it_is_unpacked_anew_when_it_is_old_and_the_last_one_stays_for_who_uses_it(
    fetched: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moved: float
) -> None:
    old = toolbox.toolbox("cluster", Progress())
    later(monkeypatch, moved)
    assert tools(renew=False) == "1", "an engine that runs keeps what it was started with"
    assert tools() == "2"
    assert old.program("kind").read_text() == "1"
    monkeypatch.setattr(toolbox, "_is_old", lambda _: True)
    assert tools() == "3"
    assert len([path for path in (tmp_path / "raymesh" / "tools").iterdir() if path.is_dir()]) == 2
    assert len(fetched) == 3


def test_an_old_one_serves_where_the_mirror_does_not_answer_which_is_asked_once(
    fetched: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def no_mirror(suite: str, *_: object) -> None:
        asked.append(suite)
        raise EnvironmentFault("no mirror", "look")

    tools()
    later(monkeypatch, FRESH_SECONDS + 60)
    monkeypatch.setattr(packages, "fetch", no_mirror)
    assert [tools(), tools()] == ["1", "1"]
    assert asked == ["trixie"]
    assert "the tools cluster are older than a month and stay so: no mirror" in capsys.readouterr().err
    assert fetched == ["trixie"]


@pytest.mark.usefixtures("fetched")
def test_one_that_another_user_could_have_changed_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    give_away(toolbox.toolbox("cluster", Progress()).program("kind"), monkeypatch)
    with pytest.raises(EnvironmentFault, match="belongs to"):
        tools()


@pytest.mark.usefixtures("fetched")
def test_what_they_were_unpacked_from_is_known() -> None:
    assert toolbox.packages_there() == set()
    tools()
    assert toolbox.packages_there() == {("kind", "0.27+b1:2")}


def test_a_half_unpacked_one_is_not_taken_for_one(fetched: list[str], tmp_path: Path) -> None:
    root = toolbox.toolbox("cluster", Progress()).root
    root.rename(root.with_name(root.name + toolbox.PART))
    assert tools() == "2"
    assert len(fetched) == 2
    assert [path for path in (tmp_path / "raymesh" / "tools").iterdir() if path.is_dir()] == [root]
