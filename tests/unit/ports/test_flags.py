"""The table of flags against what real Ray printed, and what it answers."""

import pytest

from raymesh.audit.recordings import load, recorded_versions
from raymesh.ports import Version, parse_version
from raymesh.ports.facts import PORTS
from raymesh.ports.flags import FLAGS, meant_flag


@pytest.mark.parametrize("version", recorded_versions())
def test_the_table_is_what_ray_start_takes(version: str) -> None:
    measured = {flag.removeprefix("--") for flag in load(version).flags}
    assert {name for name, span in FLAGS.items() if span.holds(parse_version(version))} == measured


def test_every_flag_of_the_contract_is_a_flag() -> None:
    for port in PORTS:
        assert set(port.flags) <= set(FLAGS), port.name


def test_removed_and_later_flags_have_their_versions() -> None:
    assert FLAGS["dashboard-grpc-port"].holds(Version(2, 47, 1))
    assert not FLAGS["dashboard-grpc-port"].holds(Version(2, 48))
    assert not FLAGS["labels-file"].holds(Version(2, 44, 1))


@pytest.mark.parametrize("name", ["num_cpus", "--num-cpus", "numCpus", "Num-Cpus", "num-cpu"])
def test_another_spelling_of_a_flag_is_sure(name: str) -> None:
    assert meant_flag(name) == ("num-cpus", True)


def test_what_people_confuse_is_known_and_not_guessed_by_the_nearest_name() -> None:
    assert meant_flag("metrics-agent-port") == ("dashboard-agent-grpc-port", True)


def test_the_nearest_name_is_only_a_guess() -> None:
    assert meant_flag("node-manger-port") == ("node-manager-port", False)
    assert meant_flag("metrics-expert-port") == ("metrics-export-port", False)
    assert meant_flag("zzz") == (None, False)
