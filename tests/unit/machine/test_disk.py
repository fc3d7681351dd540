"""The disk: what is asked for is what is lacking, and too little says how much, and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images.recipes import load_recipes
from raymesh.images.workshop import gib_for
from raymesh.lane import load_lane
from raymesh.machine.disk import MARGIN_GIB, demand


@pytest.fixture
def ten_gib_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not" / "there" / "yet"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * 2**30))


@pytest.mark.usefixtures("ten_gib_free")
def test_what_fits_is_no_word_and_what_does_not_says_figures_and_cure(tmp_path: Path) -> None:
    demand(10 - MARGIN_GIB, "all of it")
    with pytest.raises(EnvironmentFault, match=r"10\.0 GiB free, and 13\.5 are needed: lane x lacks y") as error:
        demand(13.5 - MARGIN_GIB, "lane x lacks y")
    assert str(tmp_path) in error.value.cause, "the folder that is there already"
    assert "free 3.5 GiB, such as by `raymesh clean --images`, or let XDG_CACHE_HOME" in error.value.cure


def test_what_is_there_already_counts() -> None:
    """A cold machine is asked for no more than was measured; one that has all but the node for what that takes."""
    recipes = load_recipes(load_lane("seed").as_built())
    used = {name for recipe in recipes.images.values() for name in recipe.bin}
    cold = gib_for([recipes.go[name] for name in sorted(used)], len(recipes.images))
    warm = gib_for([], 1)
    assert 15 < sum(cold.values()) < 21
    assert set(warm) == {"the node image", "a cluster"}
    assert sum(warm.values()) < 8
    assert any("kubernetes" in part for part in cold)
