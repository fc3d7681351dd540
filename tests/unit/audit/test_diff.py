"""The difference of two recordings: of made ones, and of the measured ones that we keep."""

from dataclasses import replace

from raymesh.audit.diff import Change, changes
from raymesh.audit.recordings import Crossed, load, recorded_versions, summarize
from raymesh.ports import contract
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
