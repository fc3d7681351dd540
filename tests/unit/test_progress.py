"""Progress: a line at the start, signs of life, a line at the end, and the timing that is kept."""

from __future__ import annotations

import io
import re

import pytest

from raymesh import progress as module
from raymesh.progress import Progress
from raymesh.waiting import wait_for


@pytest.fixture
def progress() -> Progress:
    return Progress(io.StringIO())


def lines(progress: Progress) -> list[str]:
    assert isinstance(progress.stream, io.StringIO)
    return [re.sub(r"\d+\.\d", "N", line) for line in progress.stream.getvalue().splitlines()]


def test_a_phase_says_when_it_starts_and_how_it_ended(progress: Progress) -> None:
    with progress.phase("build", "12 images") as note:
        note.text = "etcd, 3 of 12"
    assert lines(progress) == ["[    N s] build ... 12 images", "[    N s] build done in N s (etcd, 3 of 12)"]
    [timing] = progress.timings
    assert (timing.phase, timing.ok) == ("build", True)
    assert 0 <= timing.start <= timing.start + timing.seconds


def test_a_phase_that_raises_says_so_and_lets_the_error_go_on(progress: Progress) -> None:
    with pytest.raises(KeyError), progress.phase("build"):
        raise KeyError
    assert lines(progress)[-1] == "[    N s] build FAILED in N s"
    assert [timing.ok for timing in progress.timings] == [False]


def test_a_long_phase_shows_that_it_lives_and_what_it_does(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.01)
    with progress.phase("build") as note:
        note.text = "etcd"
        wait_for(
            "two signs of life",
            lambda: lines(progress).count("[    N s] build ... 0 s, etcd"),
            until=lambda count: count >= 2,
            within=5,
            every=0.01,
        )
    after = len(lines(progress))
    assert lines(progress)[-1].startswith("[    N s] build done")
    assert len(lines(progress)) == after


def test_phases_side_by_side_keep_a_timing_each(progress: Progress) -> None:
    with progress.phase("outer"), progress.phase("inner"):
        pass
    assert [timing.phase for timing in progress.timings] == ["inner", "outer"]
