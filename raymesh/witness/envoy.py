"""A sidecar's own Envoy as a witness: what its admin interface says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from raymesh.errors import Unreadable
from raymesh.witness.fields import Field, optional_flag, optional_items, optional_text, read_json
from raymesh.witness.http import Http
from raymesh.witness.jaeger import CLUSTER_NAME

# Istio's sidecars keep few statistics unless told otherwise. Without this one (proxyStatsMatcher.inclusionRegexps in
# the mesh's default proxy configuration) no handshake is counted where anyone can see it.
HANDSHAKE_STATS = r"listener\..*\.ssl\..*"

ADMIN_PORT = 15000  # on the pod's loopback (istio pkg/config/constants)
INBOUND_LISTENER = "virtualInbound"
TLS_SOCKET = "envoy.transport_sockets.tls"
SOCKETS = (TLS_SOCKET, "envoy.transport_sockets.raw_buffer")
HTTP_MANAGER = "envoy.filters.network.http_connection_manager"
TCP_PROXY = "envoy.filters.network.tcp_proxy"
BLACK_HOLE = "BlackHoleCluster"
ACCEPT_UNTRUSTED = "ACCEPT_UNTRUSTED"
STATES = ("LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING")
HANDSHAKE = re.compile(r"listener\..+\.ssl\.versions\.(?P<version>.+)")
DURATION = re.compile(r"(?P<seconds>\d+(\.\d+)?)s")
VERSION_PARTS = 5  # hash/number/tree state/build/TLS library


@dataclass(frozen=True)
class Handshakes:
    """TLS handshakes that the listeners of one sidecar have completed since its start."""

    by_version: dict[str, int]  # TLSv1.3: 42; versions never seen are absent


@dataclass(frozen=True)
class TlsContext:
    """One side's settings of TLS."""

    minimum: str  # TLSv1_3, or empty where none is set
    certificate: str  # name of the secret that it presents, empty where none
    ca: str  # name of the secret that the other's certificate is checked against; "inline" where it is written out
    accepts_untrusted: bool  # checks nothing, whatever `ca` says
    demands_certificate: bool  # of a client


@dataclass(frozen=True)
class InboundChain:
    """What a sidecar does with a connection that comes in for `port` (None: for any port without a chain)."""

    name: str
    port: int | None
    match: str  # tls, raw_buffer, or empty: matches both
    tls: TlsContext | None
    protocol: str  # http or tcp
    black_hole: bool  # leads nowhere: Istio's guard against loops


@dataclass(frozen=True)
class OutboundCluster:
    """How a sidecar dials a port of a host: `sockets` are the ways, by what chooses them; None is plaintext."""

    name: str
    host: str
    port: int
    sockets: tuple[tuple[str, TlsContext | None], ...]


@dataclass(frozen=True)
class Certificates:
    """What a sidecar has loaded: serial numbers of the roots that it trusts, and its own SPIFFE names."""

    roots: frozenset[str]
    identities: frozenset[str]


@dataclass(frozen=True)
class Server:
    """An Envoy, the Istio version that its sidecar says it has, and its pod."""

    version: str  # 1.38.3
    state: str
    istio: str
    pod: str
    up: float  # seconds since it started
    istios: bool = False  # Istio's own build, by the extensions that it has: stock Envoy has none of Istio's


@dataclass(frozen=True)
class Memory:
    """What an Envoy has in use, and what it took from the system, in bytes."""

    used: int
    heap: int


@dataclass(frozen=True)
class Cluster:
    """Somewhere that a sidecar can send calls, how often it did, and how many of them are under way."""

    name: str
    connections: int
    requests: int
    active: int


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
        if refused := config.find("error_state"):
            raise Unreadable(f"Envoy goes on without what istiod sent last: {optional_text(refused, 'details')}")
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
    return InboundChain(
        name=optional_text(chain, "name"),
        port=port.integer() if port else None,
        match=optional_text(match, "transport_protocol") if match else "",
        tls=_tls(chain.find("transport_socket")),
        protocol="http" if kind == HTTP_MANAGER else "tcp",
        black_hole=kind == TCP_PROXY and optional_text(last["typed_config"], "cluster") == BLACK_HOLE,
    )


def _tls(socket: Field | None) -> TlsContext | None:
    if socket is None or socket["name"].one_of(SOCKETS) != TLS_SOCKET:
        return None
    config = socket["typed_config"]
    common = config["common_tls_context"]
    limits = common.find("tls_params")
    secrets = optional_items(common, "tls_certificate_sds_secret_configs")
    ca, untrusted = _validation(common)
    return TlsContext(
        minimum=optional_text(limits, "tls_minimum_protocol_version") if limits else "",
        certificate=secrets[0]["name"].text() if secrets else "",
        ca=ca,
        accepts_untrusted=untrusted,
        demands_certificate=optional_flag(config, "require_client_certificate"),
    )


def _validation(common: Field) -> tuple[str, bool]:
    """Return what the other side is checked against, and whether that may fail.

    Envoy knows three forms of it (api envoy/extensions/transport_sockets/tls/v3/tls.proto): written out, a secret, or a
    secret laid over what is written out.
    """
    combined = common.find("combined_validation_context")
    holder = combined or common
    secret = holder.find("validation_context_sds_secret_config")
    written = combined.find("default_validation_context") if combined else common.find("validation_context")
    inline = "inline" if written and written.find("trusted_ca") else ""
    untrusted = written is not None and optional_text(written, "trust_chain_verification") == ACCEPT_UNTRUSTED
    return (secret["name"].text() if secret else inline), untrusted


def parse_outbound(text: str) -> tuple[OutboundCluster, ...]:
    """Return the outbound clusters of a dump of active clusters."""
    found = []
    for config in optional_items(read_json(text, "envoy clusters dump"), "configs"):
        cluster = config["cluster"]
        name = CLUSTER_NAME.fullmatch(cluster["name"].text())
        if not name or name["direction"] != "outbound":
            continue
        matches = optional_items(cluster, "transport_socket_matches")
        sockets = [(match["name"].text(), _tls(match["transport_socket"])) for match in matches]
        if not matches or cluster.find("transport_socket"):
            sockets.append(("", _tls(cluster.find("transport_socket"))))
        found.append(OutboundCluster(cluster["name"].text(), name["host"], int(name["port"]), tuple(sockets)))
    return tuple(found)


def parse_certificates(text: str) -> Certificates:
    loaded = optional_items(read_json(text, "envoy certs"), "certificates")
    roots = [ca["serial_number"].text() for one in loaded for ca in optional_items(one, "ca_cert")]
    names = [
        name
        for one in loaded
        for chain in optional_items(one, "cert_chain")
        for alternative in optional_items(chain, "subject_alt_names")
        if (name := optional_text(alternative, "uri"))
    ]
    return Certificates(frozenset(serial.lstrip("0").lower() for serial in roots), frozenset(names))


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
        up=_seconds(root["uptime_all_epochs"]),
        istios=any("istio" in optional_text(one, "name") for one in optional_items(node, "extensions")),
    )


def _seconds(field: Field) -> float:
    """Read a duration as protobuf writes it in JSON: `896s`."""
    found = DURATION.fullmatch(field.text())
    if not found:
        raise field.unreadable("seconds, such as 12s")
    return float(found["seconds"])


def parse_memory(text: str) -> Memory:
    root = read_json(text, "envoy memory")
    return Memory(used=_count(root["allocated"]), heap=_count(root["heap_size"]))


def _count(field: Field) -> int:
    """Read a number of 64 bits, which protobuf writes as text in JSON."""
    if not field.text().isdecimal():
        raise field.unreadable("a number, as text")
    return int(field.text())


def parse_listeners(text: str) -> tuple[str, ...]:
    """Return the names of the listeners that are open."""
    return tuple(
        status["name"].text() for status in optional_items(read_json(text, "envoy ports"), "listener_statuses")
    )


def parse_clusters(text: str) -> tuple[Cluster, ...]:
    statuses = optional_items(read_json(text, "envoy clusters"), "cluster_statuses")
    return tuple(
        Cluster(
            status["name"].text(),
            _host_total(status, "cx_total"),
            _host_total(status, "rq_total"),
            _host_total(status, "rq_active"),
        )
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
    """The admin interface of the sidecar of one pod, which listens on the pod's loopback alone."""

    http: Http
    pod: str

    def handshakes(self) -> Handshakes:
        return parse_handshakes(self._get("stats", "/stats", {"format": "json", "filter": "ssl"}))

    def inbound(self) -> tuple[InboundChain, ...]:
        params = {"resource": "dynamic_listeners", "name_regex": INBOUND_LISTENER}
        return parse_inbound(self._get("listeners", "/config_dump", params))

    def outbound(self, host: str) -> tuple[OutboundCluster, ...]:
        """Return how the sidecar dials ports of the Services whose name begins with `host`."""
        params = {"resource": "dynamic_active_clusters", "name_regex": f"outbound.*{re.escape(host)}.*"}
        return parse_outbound(self._get("outbound", "/config_dump", params))

    def certificates(self) -> Certificates:
        return parse_certificates(self._get("certs", "/certs"))

    def server(self) -> Server:
        return parse_server(self._get("server", "/server_info"))

    def memory(self) -> Memory:
        return parse_memory(self._get("memory", "/memory"))

    def listeners(self) -> tuple[str, ...]:
        return parse_listeners(self._get("ports", "/listeners", {"format": "json"}))

    def clusters(self) -> tuple[Cluster, ...]:
        return parse_clusters(self._get("clusters", "/clusters", {"format": "json"}))

    def _get(self, name: str, path: str, params: Mapping[str, str | int] | None = None) -> str:
        return self.http.get(f"envoy-{self.pod}-{name}", path, params)
