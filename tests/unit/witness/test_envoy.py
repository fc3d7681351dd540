"""A sidecar's admin answers become models, and what is unknown is refused."""

from __future__ import annotations

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.envoy import (
    Cluster,
    Handshakes,
    InboundChain,
    Memory,
    TlsContext,
    parse_clusters,
    parse_handshakes,
    parse_inbound,
    parse_listeners,
    parse_memory,
    parse_server,
)
from tests.unit.witness.builders import Doc, built_chain, built_listeners, text

TLS = TlsContext("TLSv1_3", "", "", accepts_untrusted=False, demands_certificate=True)  # as built_chain has it
BLACK_HOLE = {"name": "envoy.filters.network.tcp_proxy", "typed_config": {"cluster": "BlackHoleCluster"}}


def built_server(**more: object) -> Doc:
    node = {"id": "sidecar~10.0.0.1~head.default~x", "metadata": {"ISTIO_VERSION": "1.21.1", "NAME": "head"}}
    version = "abc/1.38.3/Clean/RELEASE/BoringSSL"
    return {"version": version, "state": "LIVE", "uptime_all_epochs": "896s", "node": node, **more}


def test_handshakes_are_counted_over_listeners_and_by_version() -> None:
    stats = [
        {"name": "listener.0.0.0.0_15006.ssl.handshake", "value": 9},
        {"name": "listener.0.0.0.0_15006.ssl.versions.TLSv1.3", "value": 8},
        {"name": "listener.10.0.0.1_15021.ssl.versions.TLSv1.3", "value": 1},
        {"name": "listener.0.0.0.0_15006.ssl.versions.TLSv1.2", "value": "1"},
        {"name": "listener.0.0.0.0_15006.ssl.connection_error", "value": 5},
        {"name": "cluster.outbound|6380||h.ssl.versions.TLSv1.2", "value": 5},
        {"histograms": {}},
    ]
    assert parse_handshakes(text({"stats": stats})) == Handshakes({"TLSv1.3": 9, "TLSv1.2": 1})


def test_a_sidecar_that_keeps_no_such_statistics_has_seen_none() -> None:
    assert parse_handshakes('{"stats": []}') == Handshakes({})


def test_inbound_chains_say_what_they_demand() -> None:
    answer = built_listeners(built_chain(6380), built_chain(15006, tls=False, filters=[BLACK_HOLE]))
    strict, hole = parse_inbound(text(answer))
    assert strict == InboundChain("0.0.0.0_6380", 6380, "tls", TLS, "http", black_hole=False)
    assert (hole.tls, hole.black_hole, hole.protocol) == (None, True, "tcp")


def test_a_plaintext_chain_is_seen() -> None:
    match = {"destination_port": 6380, "transport_protocol": "raw_buffer"}
    (chain,) = parse_inbound(text(built_listeners(built_chain(6380, tls=False, filter_chain_match=match))))
    assert (chain.match, chain.tls) == ("raw_buffer", None)


def test_the_default_chain_counts_too() -> None:
    answer = built_listeners()
    answer["configs"][0]["active_state"]["listener"]["default_filter_chain"] = built_chain(None, tls=False)
    (chain,) = parse_inbound(text(answer))
    assert (chain.port, chain.match) == (None, "")


def test_other_listeners_are_not_inbound() -> None:
    assert parse_inbound(text(built_listeners(built_chain(6380), name="virtualOutbound"))) == ()


@pytest.mark.parametrize(
    ("chain", "says"),
    [
        (built_chain(6380, filters=[{"name": "envoy.filters.network.redis_proxy"}]), r"filters\[0\]\.name: wants one"),
        (built_chain(6380, transport_socket={"name": "envoy.transport_sockets.alts"}), r"socket\.name: wants one of"),
    ],
)
def test_an_unknown_chain_is_unreadable(chain: Doc, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        parse_inbound(text(built_listeners(chain)))


def test_a_configuration_that_envoy_refused_is_told_and_no_verdict_built_on_the_one_before() -> None:
    refused = {"error_state": {"failed_configuration": {}, "details": "No TLS certificates found"}}
    dump = built_listeners(built_chain(6380))
    dump["configs"].append(refused)
    with pytest.raises(Unreadable, match="No TLS certificates found"):
        parse_inbound(text(dump))


def test_the_server_knows_its_version_and_pod() -> None:
    server = parse_server(text(built_server()))
    assert (server.version, server.state, server.istio, server.pod) == ("1.38.3", "LIVE", "1.21.1", "head")
    assert server.up == 896.0
    with pytest.raises(Unreadable, match=r"version: wants hash/version"):
        parse_server(text(built_server(version="1.38.3")))
    with pytest.raises(Unreadable, match=r"uptime_all_epochs: wants seconds"):
        parse_server(text(built_server(uptime_all_epochs="896")))


def test_memory_is_read_as_protobuf_writes_large_numbers() -> None:
    assert parse_memory(text({"allocated": "35045464", "heap_size": "44040192"})) == Memory(35045464, 44040192)
    with pytest.raises(Unreadable, match=r"allocated: wants a number, as text"):
        parse_memory(text({"allocated": "many", "heap_size": "1"}))


def test_open_listeners_go_by_their_names() -> None:
    assert parse_listeners(text({"listener_statuses": [{"name": "virtualInbound", "local_address": {}}]})) == (
        "virtualInbound",
    )
    assert parse_listeners("{}") == ()


def test_clusters_count_over_their_hosts_and_leave_out_zero() -> None:
    stats = [{"name": "cx_total", "value": "2"}, {"name": "rq_total"}, {"name": "rq_active", "value": "1"}]
    answer = {
        "cluster_statuses": [{"name": "outbound|6380||h", "host_statuses": [{"stats": stats}] * 2}, {"name": "b"}]
    }
    assert parse_clusters(text(answer)) == (Cluster("outbound|6380||h", 4, 0, 2), Cluster("b", 0, 0, 0))
