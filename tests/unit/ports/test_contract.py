"""The contract: what the guide declares, what works, and what it refuses because it can't work together."""

import pytest

from raymesh.errors import UsageError
from raymesh.ports import (
    WORKER_PORTS,
    Version,
    avoid_reason,
    contract,
    guide_contract,
    parse_version,
    pins,
    working_contract,
)

GUIDE = [
    ("node-manager-port", 6380, "grpc"),
    ("object-manager-port", 6381, "grpc"),
    ("runtime-env-agent-port", 6382, "grpc"),
    ("dashboard-agent-grpc-port", 6383, "grpc"),
    ("dashboard-agent-listen-port", 52365, "http"),
    ("metrics-export-port", 8080, "http"),
    *((f"p{n}", n, "grpc") for n in range(10002, 10013)),
]
GUIDE_PARAMS = {
    "node-manager-port": "6380",
    "object-manager-port": "6381",
    "runtime-env-agent-port": "6382",
    "dashboard-agent-grpc-port": "6383",
    "dashboard-agent-listen-port": "52365",
    "metrics-export-port": "8080",
    "max-worker-port": "10012",
}


@pytest.mark.parametrize("version", ["2.10.0", "2.46.0", "2.54.0", "2.60.0"])
def test_the_guide_s_instance_is_the_guide(version: str) -> None:
    made = guide_contract(version)
    assert [(p.name, p.number, p.app_protocol) for p in made.headless_ports()] == GUIDE
    assert made.ray_start_params("head") == GUIDE_PARAMS
    assert made.ray_start_params("worker") == GUIDE_PARAMS
    assert [(p.name, p.number, p.app_protocol) for p in made.head_service_ports()] == [
        ("gcs-server-port", 6379, "tcp"),
        ("dashboard-port", 8265, "tcp"),
        ("client-port", 10001, "tcp"),
    ]
    assert not made.notes


@pytest.mark.parametrize(("kuberay", "declared"), [(Version(1, 1), True), (Version(1, 1, 1), True), (None, True)])
def test_the_gcs_is_declared_where_a_worker_s_driver_needs_it(kuberay: Version | None, declared: bool) -> None:
    made = working_contract("2.10.0", kuberay)
    assert ((made.headless_ports()[-1].name, made.headless_ports()[-1].app_protocol) == ("gcs-server-port", "tcp")) is (
        declared
    )
    assert "port" not in made.ray_start_params("head"), "KubeRay says where the GCS listens"


@pytest.mark.parametrize("kuberay", [Version(1, 2, 2), Version(1, 6)])
def test_the_gcs_is_not_declared_twice(kuberay: Version) -> None:
    """The head's Service is headless there, and has the same pod's port."""
    assert 6379 not in {p.number for p in working_contract("2.60.0", kuberay).headless_ports()}


def test_what_works_differs_from_the_guide_in_three_ports_alone() -> None:
    guide = {(p.name, p.number, p.app_protocol) for p in guide_contract("2.10.0").headless_ports()}
    works = {(p.name, p.number, p.app_protocol) for p in working_contract("2.10.0").headless_ports()}
    assert guide - works == {("runtime-env-agent-port", 6382, "grpc")}
    assert works - guide == {
        ("runtime-env-agent-port", 6382, "http"),
        ("dashboard-grpc-port", 6384, "grpc"),
        ("gcs-server-port", 6379, "tcp"),
    }
    assert pins("2.44.1") == {"dashboard-grpc-port": 6384}
    assert pins("2.45.0") == {}


def test_every_listener_is_declared_or_allowed_with_a_reason() -> None:
    for version in ("2.10.0", "2.60.0"):
        for port in contract(version, serve=True).ports:
            assert port.source
            assert (port.declared_in == "none") == bool(port.allowed), port.name


def test_the_random_dashboard_port_belongs_to_old_versions_and_can_be_pinned() -> None:
    names = {p.name for p in contract("2.10.0").listeners("head")}
    assert "dashboard-grpc-port" in names
    assert "dashboard-grpc-port" not in {p.name for p in contract("2.45.0").ports}
    pinned = contract("2.10.0", numbers={"dashboard-grpc-port": 6384})
    assert pinned.headless_ports()[-1].number == 6384
    assert pinned.ray_start_params("head")["dashboard-grpc-port"] == "6384"
    assert "dashboard-grpc-port" not in pinned.ray_start_params("worker")
    with pytest.raises(UsageError, match=r"Ray 2\.60\.0 has no port 'dashboard-grpc-port'"):
        contract("2.60.0", numbers={"dashboard-grpc-port": 6384})


def test_protocol_and_owner_of_a_number() -> None:
    made = contract()
    assert made.protocol_of(10007) == "grpc"
    assert made.protocol_of(8080) == "http"
    assert made.protocol_of(6379) == "tcp"
    assert made.protocol_of(4) is None
    assert made.port_at(8265, "worker") is None
    assert made.find(WORKER_PORTS).holds(10012)
    with pytest.raises(KeyError):
        made.find("nobody")


def test_a_moved_range_is_named_by_both_ends() -> None:
    made = contract(worker_ports=range(20000, 20003))
    params = made.ray_start_params("worker")
    assert (params["min-worker-port"], params["max-worker-port"]) == ("20000", "20002")


def test_protocols_can_be_replaced() -> None:
    made = contract(protocols={WORKER_PORTS: "tcp", "runtime-env-agent-port": "http"})
    assert made.protocol_of(10003) == "tcp"
    assert made.protocol_of(6382) == "http"


@pytest.mark.parametrize(
    ("worker_ports", "numbers", "message"),
    [
        (range(10002, 10002), {}, "at least 2 ports"),
        (range(10002, 10012, 2), {}, "rising range"),
        (range(65530, 65540), {}, "65535"),
        (range(10002, 10003), {}, "at least 2 ports"),
        (range(6370, 6381), {}, "is both"),
        (range(10002, 10013), {"node-manager-port": 10005}, "10005 is both"),
        (range(10002, 10013), {"node-manager-port": 0}, "a port from 1024"),
        (range(10002, 10013), {"nope": 1}, "no port 'nope'"),
    ],
)
def test_numbers_that_cannot_work_are_refused(worker_ports: range, numbers: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        contract(worker_ports=worker_ports, numbers=numbers)


def test_versions_outside_the_known_ones_are_said_aloud() -> None:
    assert "newer than 2.60.0" in contract("2.61.0").notes[0]
    assert "older than 2.10.0" in contract("2.9.3").notes[0]
    assert not contract("2.60.1").notes


def test_versions_are_read_from_releases_and_image_tags() -> None:
    assert parse_version("2.10.0-py311-cpu") == Version(2, 10, 0)
    assert parse_version("2.46") == Version(2, 46)
    for bad in ("nightly", "latest", "", "2"):
        with pytest.raises(UsageError):
            parse_version(bad)


def test_versions_to_avoid() -> None:
    assert avoid_reason(Version(2, 10)) is None
    assert "2.37.0" in (avoid_reason(Version(2, 37, 0)) or "")
    assert avoid_reason(Version(2, 38)) is None
