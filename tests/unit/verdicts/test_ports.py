"""Ports: green where all that listens is known and all that crosses is seen as declared."""

from __future__ import annotations

import pytest

from raymesh.ports import Role, contract
from raymesh.verdicts import crossing_ports, listening_ports, protocols_seen
from raymesh.verdicts.finding import names
from raymesh.witness.envoy import Cluster, InboundChain
from tests.unit.verdicts.built_calls import AGENT, HEALTHY
from tests.unit.verdicts.colour import red

GUIDE = contract()
SIDECAR = (15001, 15006, 15020, 15021, 15090)
NODE = (6380, 6381, 6382, 6383, 52365, 8080, 10002, 10003)
LISTENING: dict[Role, tuple[int, ...]] = {
    "head": (*NODE, 6379, 8265, 10001, 44217, 44227, *SIDECAR),
    "worker": (*NODE, *SIDECAR),
}
OF_HEAD = "every listening port of the head is declared or named"
OF_WORKER = "every listening port of the worker is declared or named"
CROSSED = "the traffic crossed the ports that it was made for"
DECLARED = "each port is seen as the protocol that was declared"
MUST_CROSS = ("node-manager-port", "object-manager-port", "worker-ports", "gcs-server-port")
GCS_CHAIN = InboundChain("0.0.0.0_6379", 6379, "tls", True, True, "TLSv1_3", "tcp", black_hole=False)
SEEN = {6379: {"tcp"}, 6380: {"grpc"}, 6381: {"grpc"}, 10004: {"grpc"}, 52365: {"http"}}


def test_listening_as_the_contract_says_is_green() -> None:
    findings = listening_ports(LISTENING, GUIDE)
    assert red(findings) == set()
    assert findings[0].figures == {"ports": 18, "unknown": 0}


def test_a_pod_that_was_not_looked_at_is_red() -> None:
    assert red(listening_ports({}, GUIDE)) == {OF_HEAD, OF_WORKER}
    assert red(listening_ports({"head": LISTENING["head"]}, GUIDE)) == {OF_WORKER}


@pytest.mark.parametrize(
    ("worker", "why"),
    [
        ((*LISTENING["worker"], 40123), "unknown: 40123"),
        ((*LISTENING["worker"], 6379), "unknown: 6379"),
        (NODE, "0 of the sidecar"),
        (SIDECAR, "0 of Ray"),
    ],
)
def test_a_stray_port_or_half_a_pod_is_red(worker: tuple[int, ...], why: str) -> None:
    findings = listening_ports(LISTENING | {"worker": worker}, GUIDE)
    assert red(findings) == {OF_WORKER}
    assert why in findings[1].seen


def test_the_random_port_of_the_dashboard_is_seen_until_it_is_pinned() -> None:
    """Ray 2.10 opens one port that the guide forgets."""
    listening = LISTENING | {"head": (*LISTENING["head"], 34567)}
    findings = listening_ports(listening, GUIDE)
    assert red(findings) == {OF_HEAD}
    assert "dashboard-grpc-port" in findings[0].seen
    pinned = contract(numbers={"dashboard-grpc-port": 34567})
    assert red(listening_ports(listening, pinned)) == set()


def test_traffic_is_seen_as_what_it_is() -> None:
    clusters = [Cluster("inbound|6379||", 3, 3), Cluster("inbound|6380||", 9, 9), Cluster("PassthroughCluster", 1, 1)]
    assert protocols_seen(HEALTHY, [GCS_CHAIN], clusters) == SEEN


def test_a_tcp_port_that_nobody_connected_to_is_not_seen() -> None:
    clusters = [Cluster("inbound|6379||", 0, 0), Cluster("outbound|6379||host", 5, 5)]
    assert protocols_seen([AGENT], [GCS_CHAIN], clusters) == {52365: {"http"}}


def test_crossing_as_declared_is_green() -> None:
    assert red(crossing_ports(SEEN, GUIDE, must_cross=MUST_CROSS)) == set()


def test_no_crossing_is_red() -> None:
    findings = crossing_ports({}, GUIDE, must_cross=MUST_CROSS)
    assert red(findings) == names(findings)
    assert red(crossing_ports(SEEN, GUIDE, must_cross=())) == {CROSSED}


@pytest.mark.parametrize(
    ("seen", "reasons"),
    [
        ({port: p for port, p in SEEN.items() if port != 6379}, {CROSSED}),
        ({port: p for port, p in SEEN.items() if port != 10004}, {CROSSED}),
        (SEEN | {6380: {"tcp"}}, {DECLARED}),
        (SEEN | {6380: {"grpc", "http"}}, {DECLARED}),
        (SEEN | {52365: {"grpc"}}, {DECLARED}),
        (SEEN | {40123: {"grpc"}}, {DECLARED}),
    ],
)
def test_each_doctored_copy_is_red_for_its_own_reason(seen: dict[int, set[str]], reasons: set[str]) -> None:
    assert red(crossing_ports(seen, GUIDE, must_cross=MUST_CROSS)) == reasons
