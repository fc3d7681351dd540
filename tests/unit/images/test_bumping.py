"""One version of a lane set to another: what serves, what can't be had, what is known not to work together."""

from __future__ import annotations

from itertools import pairwise

import pytest

from raymesh.errors import UsageError
from raymesh.images.bumping import PROGRAMS, _numbers, buildable, bumped, nearest
from raymesh.images.recipes import load_recipes
from raymesh.lane import lane_names, load_lane

SEED = load_lane("seed")


def test_what_is_set_serves_and_stands_in_for_nothing() -> None:
    lane = bumped(SEED, ["kuberay=1.5.1", "istio=1.30-dev.9739e10eb9d7"], pulled=False)
    assert (lane.kuberay, lane.istio, lane.ray) == ("1.5.1", "1.30-dev.9739e10eb9d7", SEED.ray)
    built = lane.as_built()
    assert built.istio == "1.30-dev.9739e10eb9d7"
    assert set(built.replaced) == set(SEED.build) - {"istio"}


def test_nothing_set_is_the_lane_itself() -> None:
    assert bumped(SEED, [], pulled=False) == SEED


def test_a_digest_is_not_of_another_version() -> None:
    assert not bumped(SEED, ["kubernetes=1.33.13"], pulled=False).digests
    assert bumped(SEED, ["ray=2.46.0"], pulled=False).digests == SEED.digests


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_version_that_can_be_had_has_what_makes_it_and_they_rise(program: str) -> None:
    there = buildable(program)
    assert there
    assert all(_numbers(one) < _numbers(other) for one, other in pairwise(there))


@pytest.mark.parametrize("version", buildable("kuberay"))
def test_each_kuberay_is_built_from_its_own_folder(version: str) -> None:
    lane = bumped(SEED, [f"kuberay={version}"], pulled=False).as_built()
    assert load_recipes(lane).go["kuberay"].folder.name == version


@pytest.mark.parametrize("name", lane_names())
def test_what_a_lane_builds_can_be_had(name: str) -> None:
    lane = load_lane(name)
    built = lane.as_built()
    for program in PROGRAMS:
        assert built.versions[program] in buildable(program)
    bumped(lane, [f"ray={built.ray}"], pulled=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["kubray=1.5.1"], r"--set 'kubray=1.5.1': PROGRAM=VERSION, of kubernetes, istio, kuberay"),
        (["kuberay"], r"--set 'kuberay': PROGRAM=VERSION"),
        (["kuberay="], r"PROGRAM=VERSION"),
        (["python=3.13"], r"PROGRAM=VERSION"),
        (["ray=2.46.0", "ray=2.54.0"], r"ray is told twice, 2.46.0 before"),
        (["kuberay=1.7.1"], r"--set kuberay=1.7.1: nothing here makes it; the nearest .* is 1.6.0, of 1.1.0, 1.2.2,"),
        (["kuberay=1.3.0"], r"the nearest version that can be had is 1.2.2"),
        (["kuberay=1.0.0"], r"the nearest version that can be had is 1.1.0"),
        (["ray=2.20.0"], r"nearest version that can be had is 2.10.0"),
        (["kubernetes=1.36.4"], r"starts etcd with flags of 3.6: etcd 3.5.16 is too old"),
        (["etcd=3.6.16"], r"Kubernetes 1.29.15 starts etcd with flags of 3.5: etcd 3.6.16 is too new"),
    ],
)
def test_what_can_not_be_is_told_with_the_nearest_that_can(changes: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        bumped(SEED, changes, pulled=False)


def test_what_is_pulled_need_not_be_had_here_but_must_work_together() -> None:
    assert bumped(SEED, ["ray=2.50.0", "istio=1.28.3"], pulled=True).istio == "1.28.3"
    with pytest.raises(UsageError, match=r"Ray 2.20.0: 2.11.0 to 2.37.0 have a dashboard agent that gets stuck"):
        bumped(SEED, ["ray=2.20.0"], pulled=True)
    with pytest.raises(UsageError, match=r"2.10.0 is the oldest Ray"):
        bumped(SEED, ["ray=2.9.0"], pulled=True)
    with pytest.raises(UsageError, match=r"nearest version that can be had is 1.6.0"):
        bumped(SEED, ["kuberay=1.7.1"], pulled=True)


def test_two_that_belong_together_are_taken_together() -> None:
    lane = bumped(SEED, ["kubernetes=1.36.4", "etcd=3.6.16"], pulled=False)
    assert (lane.kubernetes, lane.etcd) == ("1.36.4", "3.6.16")


@pytest.mark.parametrize(("version", "found"), [("1.5.0", "1.2.0"), ("9", "1.10.0"), ("0.1", "1.2.0")])
def test_the_nearest_is_compared_by_numbers(version: str, found: str) -> None:
    assert nearest(version, ["1.2.0", "1.10.0"]) == found
