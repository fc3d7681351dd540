"""The difference of two recordings: of made ones, and of the measured ones that we keep."""

from dataclasses import replace
from itertools import pairwise

import pytest

from raymesh.audit.diff import Change, changes, kuberay_changes, ray_changes
from raymesh.audit.recordings import Crossed, load, recorded_versions, summarize
from raymesh.errors import UsageError
from raymesh.ports import Version, contract, parse_version
from raymesh.ports.flags import FLAGS
from raymesh.ports.habits import HABITS, READ
from raymesh.ports.kuberay import DEFAULT_HEAD_PORTS, head_service_is_headless
from tests.unit.audit.audits import clean

OLD = summarize(clean(), contract("2.10.0"))


def test_a_version_does_not_differ_from_itself() -> None:
    """No change, no line."""
    assert changes(OLD, OLD) == []


def test_every_kind_of_change_is_shown() -> None:
    """Flag, port, binding, protocol, process and crossing."""
    opened = {}
    for one in OLD.opened:
        if one.name == "metrics-export-port":
            opened[replace(one, bind="node", speaks="grpc", process="other")] = 1
        elif one.name != "dashboard-grpc-port":
            opened[one] = 1
    new = replace(OLD, flags={"--head": "hidden"}, opened=opened, crossed={})
    found = changes(OLD, new)
    assert {change.topic for change in found} == {"flag", "port", "bind", "protocol", "process", "crossing"}
    assert Change("flag", "--system-config", "hidden", "") in found
    assert Change("port", "dashboard-grpc-port on the head", "random", "") in found
    assert Change("crossing", "node-manager-port head->worker", "crosses", "") in found


def test_the_kept_measurements_show_the_known_breaks() -> None:
    """2.60 has no --dashboard-grpc-port, no such listener, and binds the agent's HTTP port to the node."""
    found = changes(load("2.10.0"), load("2.60.0"))
    assert Change("flag", "--dashboard-grpc-port", "shown", "") in found
    assert Change("flag", "--gcs-server-port", "shown", "") in found
    assert Change("port", "dashboard-grpc-port on the head", "random", "") in found
    assert Change("bind", "dashboard-agent-listen-port on the worker", "all", "node+loopback") in found
    assert Change("crossing", "node-manager-port worker->head", "", "crosses") in found


def test_the_contract_knows_every_measured_port() -> None:
    """Data and contract agree: no name in a recording is a bare number or an unknown random port."""
    for version in recorded_versions():
        names = {port.name for port in contract(version, serve=True).ports}
        kept = load(version)
        assert {one.name for one in kept.opened} <= names, version
        assert Crossed("worker->head", "gcs-server-port") in kept.crossed, version


def test_any_two_versions_of_ray_can_be_compared() -> None:
    """2.48 broke people who had one of five flags; neither version is recorded."""
    found, notes = ray_changes(Version(2, 47, 1), Version(2, 48))
    gone = ("dashboard-grpc-port", "gcs-server-port", "plasma-store-socket-name", "raylet-socket-name", "storage")
    assert {(change.topic, change.subject, change.old, change.new) for change in found} == {
        ("flag", f"--{name}", "taken", "") for name in gone
    }
    assert all(change.known.startswith("read: ") for change in found)
    assert "no recorded audit of Ray 2.47.1, 2.48.0" in notes[-1]
    ports = [change for change in ray_changes(Version(2, 44, 1), Version(2, 45))[0] if change.topic == "port"]
    assert [(change.subject, change.old, change.new) for change in ports] == [("dashboard-grpc-port", "random", "")]


def test_what_is_read_and_what_is_measured_agree() -> None:
    """The contract read at recorded versions says of flags and ports what their recordings say."""
    for old, new in pairwise(map(parse_version, recorded_versions())):
        measured, notes = ray_changes(old, new)
        assert notes == ()
        assert {change.known for change in measured} <= {"measured"}
        seen = {(c.subject, bool(c.old), bool(c.new)) for c in measured if c.topic == "flag"}
        beside = replace(load(str(old)), flags={f"--{name}": "taken" for name, s in FLAGS.items() if s.holds(old)})
        fresh = replace(load(str(new)), flags={f"--{name}": "taken" for name, s in FLAGS.items() if s.holds(new)})
        read = {(c.subject, bool(c.old), bool(c.new)) for c in changes(beside, fresh) if c.topic == "flag"}
        assert read == {one for one in seen if one[1] != one[2]}


@pytest.mark.parametrize(("version", "words"), [(Version(2, 61), "newer than 2.60.0"), (Version(2, 9), "older than")])
def test_a_version_that_would_only_be_assumed_is_refused(version: Version, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ray_changes(Version(2, 60), version)


def test_the_operator_s_changes_are_told_with_their_source() -> None:
    """1.1 to 1.6: what a cluster has shown is marked so, the rest names versions and files."""
    found = {(change.topic, change.subject): change for change in kuberay_changes(Version(1, 1), Version(1, 6))}
    head = found["service", "of the head"]
    assert (head.old, head.new.partition(",")[0]) == ("cluster IP", "headless")
    assert head.known.startswith("measured")
    assert found["param", "num-cpus"].known.startswith("read in 1.1.0, 1.6.0: controllers/ray/common/pod.go")
    assert kuberay_changes(Version(1, 5), Version(1, 5, 1)) == []


@pytest.mark.parametrize("version", READ, ids=str)
def test_the_operator_s_habits_agree_with_the_rest_of_the_contract(version: Version) -> None:
    does = {(habit.topic, habit.subject): habit.at(version) for habit in HABITS}
    assert does["service", "of the head"].startswith("headless") == head_service_is_headless(version)
    ports = {subject.split()[0]: told for (topic, subject), told in does.items() if topic == "port"}
    assert ports.keys() == {str(number) for number in DEFAULT_HEAD_PORTS.values()}
    assert all(told.endswith(", tcp") for told in ports.values())
    params = {subject for topic, subject in does if topic == "param"}
    assert params <= FLAGS.keys()
