"""Ports on recordings: what the mesh saw cross, and what listened in a head with the guide's own ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raymesh.lane import load_lane
from raymesh.observe import CROSSING
from raymesh.ports import Contract, contract
from raymesh.verdicts import Finding, calls_across, crossing_ports, listening_ports, protocols_seen
from raymesh.verdicts.finding import names
from raymesh.witness.envoy import TCP_PROXY, parse_clusters, parse_inbound
from raymesh.witness.jaeger import parse_spans
from raymesh.witness.sockets import State, parse
from tests.unit.recorded.recordings import HEAD, LANE, WORKER, Doctored, parsed, recorded
from tests.unit.recorded.spans import CONTRACT, RUN, TRACES, retagged, without
from tests.unit.verdicts.colour import red

SOCKETS = "head-sockets-as-the-guide.txt"
RANDOM = 37499  # the dashboard's gRPC port on that day
GUIDE = contract(load_lane(LANE).ray)
CROSSED = "the traffic crossed the ports that it was made for"
DECLARED = "each port is seen as the protocol that was declared"


def of_head(text: str, declared: Contract = GUIDE) -> Finding:
    sockets = [socket for socket in parse(text) if socket.state == State.LISTEN]
    listening = {s.local.port for s in sockets if not s.local.address.is_loopback}
    head, _ = listening_ports({"head": listening}, declared)
    return head


def left_out(*ports: int) -> str:
    """Return the sockets but those that listen on these ports."""
    ends = [f":{port:04X} " for port in ports]
    lines = recorded(SOCKETS).splitlines()
    gone = [line for line in lines if " 0A " in line and any(end in line for end in ends)]
    assert all(any(end in line for line in gone) for end in ends)
    return "\n".join(line for line in lines if line not in gone)


def test_the_random_port_that_the_guide_forgets_is_red() -> None:
    head = of_head(recorded(SOCKETS))
    assert not head.ok
    assert f"unknown: {RANDOM} (known to be random: dashboard-grpc-port" in head.seen
    assert head.figures["unknown"] == 1


def test_the_head_is_green_without_that_port_and_with_it_pinned() -> None:
    assert of_head(left_out(RANDOM)).ok
    assert of_head(recorded(SOCKETS), contract(load_lane(LANE).ray, numbers={"dashboard-grpc-port": RANDOM})).ok


def test_a_head_without_its_sidecar_is_red() -> None:
    head = of_head(left_out(RANDOM, 15001, 15006, 15020, 15021, 15090))
    assert not head.ok
    assert "0 of the sidecar, unknown: none" in head.seen


def judge(doctored: Doctored | None = None) -> tuple[Finding, ...]:
    calls = calls_across(RUN.spans(parsed(parse_spans, TRACES, doctored)))
    chains = [c for pod in (HEAD, WORKER) for c in parsed(parse_inbound, f"envoy-{pod}-listeners.json", doctored)]
    clusters = [c for pod in (HEAD, WORKER) for c in parsed(parse_clusters, f"envoy-{pod}-clusters.json", doctored)]
    return crossing_ports(protocols_seen(calls, chains, clusters), CONTRACT, must_cross=CROSSING)


def of_gcs(change: Callable[[dict[str, Any]], object]) -> Doctored:
    """Change the head's own cluster of the GCS port, which is TCP."""

    def doctor(answer: Any) -> None:
        [cluster] = [c for c in answer["cluster_statuses"] if c["name"] == "inbound|6379||"]
        change(cluster)

    return Doctored(f"envoy-{HEAD}-clusters.json", doctor)


def as_tcp(dump: Any) -> None:
    """Let the worker's sidecar take the node manager's port for TCP."""
    listener = dump["configs"][0]["active_state"]["listener"]
    [chain] = [c for c in listener["filter_chains"] if c["name"] == "0.0.0.0_6380"]
    chain["filters"][-1]["name"] = TCP_PROXY


DOCTORED: dict[str, tuple[Doctored, set[str]]] = {
    "GCS without hosts": (of_gcs(lambda cluster: cluster.update(host_statuses=[])), {CROSSED}),
    "GCS as seen by clients": (of_gcs(lambda cluster: cluster.update(name="outbound|6379||host")), {CROSSED}),
    "no node manager": (without("node-manager-port"), {CROSSED}),
    "no client of the agent": (without("dashboard-agent-grpc-port", ["client"]), {CROSSED}),
    "agent's HTTP as gRPC": (retagged("dashboard-agent-listen-port", "grpc.path", "/ray.rpc.L/M"), {DECLARED}),
    "gRPC as HTTP": (retagged("object-manager-port", "grpc.path", ""), {DECLARED}),
    "gRPC as TCP": (Doctored(f"envoy-{WORKER}-listeners.json", as_tcp), {DECLARED}),
    "a port of nobody": (
        retagged("dashboard-grpc-port", "upstream_cluster", f"inbound|{RANDOM}||", ["server"]),
        {DECLARED},
    ),
}


def test_what_crossed_is_green() -> None:
    findings = judge()
    assert red(findings) == set()
    assert findings[0].figures == {"ports": 13}


@pytest.mark.parametrize("case", DOCTORED)
def test_each_doctored_copy_is_red_for_its_own_reason(case: str) -> None:
    doctored, reasons = DOCTORED[case]
    assert red(judge(doctored)) == reasons


def test_no_condition_was_forgotten() -> None:
    assert set().union(*(reasons for _, reasons in DOCTORED.values())) == names(judge())
