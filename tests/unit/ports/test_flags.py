"""The table of flags against what real Ray printed, and what it answers."""

import pytest

from raymesh.audit.recordings import load, recorded_versions
from raymesh.ports import Version, parse_version
from raymesh.ports.facts import PORTS
from raymesh.ports.flags import FLAGS, closest_flag


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


def test_a_misspelt_flag_is_recognised() -> None:
    assert closest_flag("node-manger-port") == "node-manager-port"
    assert closest_flag("zzz") is None
