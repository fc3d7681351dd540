"""A sidecar's own Envoy as a witness: what its admin interface says, asked through pilot-agent in the pod."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from raymesh.witness.fields import Field, optional_flag, optional_items, optional_text, read_json
from raymesh.witness.http import Recorder

Kubectl = Callable[[list[str]], str]
"""Runs kubectl with these arguments and returns what it printed."""

# Istio's sidecars keep few statistics unless told otherwise. Without this one (proxyStatsMatcher.inclusionRegexps in
# the mesh's default proxy configuration) no handshake is counted where anyone can see it.
HANDSHAKE_STATS = r"listener\..*\.ssl\..*"

INBOUND_LISTENER = "virtualInbound"
TLS_SOCKET = "envoy.transport_sockets.tls"
SOCKETS = (TLS_SOCKET, "envoy.transport_sockets.raw_buffer")
HTTP_MANAGER = "envoy.filters.network.http_connection_manager"
TCP_PROXY = "envoy.filters.network.tcp_proxy"
BLACK_HOLE = "BlackHoleCluster"
STATES = ("LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING")
HANDSHAKE = re.compile(r"listener\..+\.ssl\.versions\.(?P<version>.+)")
VERSION_PARTS = 5  # hash/number/tree state/build/TLS library


@dataclass(frozen=True)
class Handshakes:
    """TLS handshakes that the listeners of one sidecar have completed since its start."""

    by_version: dict[str, int]  # TLSv1.3: 42; versions never seen are absent


@dataclass(frozen=True)
class InboundChain:
    """What a sidecar does with a connection that comes in for `port` (None: for any port without a chain)."""

    name: str
    port: int | None
    match: str  # tls, raw_buffer, or empty: matches both
    tls: bool
    client_certificate: bool  # required
    minimum_tls: str  # TLSv1_3, or empty where the chain sets none
    protocol: str  # http or tcp
    black_hole: bool  # leads nowhere: Istio's guard against loops


@dataclass(frozen=True)
class Server:
    """An Envoy, the Istio version that its sidecar says it has, and its pod."""

    version: str  # 1.38.3
    state: str
    istio: str
    pod: str


@dataclass(frozen=True)
class Cluster:
    """Somewhere that a sidecar can send calls, and how often it did."""

    name: str
    connections: int
    requests: int


def parse_handshakes(text: str) -> Handshakes:
    by_version: dict[str, int] = {}
    for stat in read_json(text, "envoy stats")["stats"].items():
        found = HANDSHAKE.fullmatch(optional_text(stat, "name"))  # histograms have no name
        if found:
            version = found["version"]
            by_version[version] = by_version.get(version, 0) + stat["value"].integer()
    return Handshakes(by_version)


def parse_inbound(text: str) -> tuple[InboundChain, ...]:
    """Return the chains of the listener that takes all inbound traffic; none where the sidecar has no such listener."""
    chains: list[InboundChain] = []
    for config in optional_items(read_json(text, "envoy listeners"), "configs"):
        if config["name"].text() == INBOUND_LISTENER:
            listener = config["active_state"]["listener"]
            chains += [_chain(chain) for chain in listener["filter_chains"].items()]
            default = listener.find("default_filter_chain")
            chains += [_chain(default)] if default else []
    return tuple(chains)


def _chain(chain: Field) -> InboundChain:
    match = chain.find("filter_chain_match")
    port = match.find("destination_port") if match else None
    last = chain["filters"].items()[-1]
    kind = last["name"].one_of((HTTP_MANAGER, TCP_PROXY))
    socket = chain.find("transport_socket")
    tls = socket["typed_config"] if socket and socket["name"].one_of(SOCKETS) == TLS_SOCKET else None
    limits = tls["common_tls_context"].find("tls_params") if tls else None
    return InboundChain(
        name=optional_text(chain, "name"),
        port=port.integer() if port else None,
        match=optional_text(match, "transport_protocol") if match else "",
        tls=tls is not None,
        client_certificate=tls is not None and optional_flag(tls, "require_client_certificate"),
        minimum_tls=optional_text(limits, "tls_minimum_protocol_version") if limits else "",
        protocol="http" if kind == HTTP_MANAGER else "tcp",
        black_hole=kind == TCP_PROXY and optional_text(last["typed_config"], "cluster") == BLACK_HOLE,
    )


def parse_server(text: str) -> Server:
    root = read_json(text, "envoy server_info")
    version = root["version"].text().split("/")
    if len(version) != VERSION_PARTS:
        raise root["version"].unreadable("hash/version/tree/build/library")
    node = root["node"]
    metadata = node["metadata"]
    return Server(
        version=version[1],
        state=root["state"].one_of(STATES),
        istio=optional_text(metadata, "ISTIO_VERSION"),
        pod=optional_text(metadata, "NAME"),
    )


def parse_clusters(text: str) -> tuple[Cluster, ...]:
    statuses = optional_items(read_json(text, "envoy clusters"), "cluster_statuses")
    return tuple(
        Cluster(status["name"].text(), _host_total(status, "cx_total"), _host_total(status, "rq_total"))
        for status in statuses
    )


def _host_total(status: Field, name: str) -> int:
    """Add up one counter of a cluster's hosts; Envoy leaves a value of 0 out."""
    total = 0
    for host in optional_items(status, "host_statuses"):
        for stat in optional_items(host, "stats"):
            value = stat.find("value")
            if value and stat["name"].text() == name:
                total += value.integer()
    return total


@dataclass(frozen=True)
class EnvoyAdmin:
    """The admin interface of the sidecar of one pod."""

    kubectl: Kubectl
    record: Recorder
    namespace: str
    pod: str

    def handshakes(self) -> Handshakes:
        return parse_handshakes(self._get("stats", "stats?format=json&filter=ssl"))

    def inbound(self) -> tuple[InboundChain, ...]:
        return parse_inbound(
            self._get("listeners", f"config_dump?resource=dynamic_listeners&name_regex={INBOUND_LISTENER}")
        )

    def server(self) -> Server:
        return parse_server(self._get("server", "server_info"))

    def clusters(self) -> tuple[Cluster, ...]:
        return parse_clusters(self._get("clusters", "clusters?format=json"))

    def _get(self, name: str, path: str) -> str:
        """Return the answer of Envoy's admin interface and record it."""
        pod = ["exec", self.pod, "--namespace", self.namespace, "--container", "istio-proxy"]
        answer = self.kubectl([*pod, "--", "pilot-agent", "request", "GET", path])
        self.record(f"envoy-{self.pod}-{name}", answer)
        return answer
