"""Real servers on loopback: an Envoy as a sidecar, Ray's own GCS, and some without a mesh."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import ray
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from raymesh.machine.programs import end_group
from raymesh.waiting import wait_for
from tests.unit.inside.sidecars import Authority, Inbound, bootstrap

LOOPBACK = "127.0.0.1"


class Answer(BaseHTTPRequestHandler):
    """An application that answers any GET."""

    def do_GET(self) -> None:
        body = b'{"version": "4"}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class Deaf(socketserver.BaseRequestHandler):
    """An application that reads and never says a word."""

    def handle(self) -> None:
        with suppress(OSError):
            while self.request.recv(1024):
                pass


class Curt(socketserver.BaseRequestHandler):
    """An application that ends every connection at once."""

    def handle(self) -> None:
        """Say nothing, and return."""


class Greeter(socketserver.BaseRequestHandler):
    """An application that speaks first."""

    def handle(self) -> None:
        with suppress(OSError):
            self.request.sendall(b"220 ready\r\n")


class Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True


class Http(ThreadingHTTPServer):
    """An HTTP server, over TLS where it has a context."""

    context: ssl.SSLContext | None = None

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with suppress(OSError):  # what a client is refused for is the client's to tell
            request.settimeout(10)
            if self.context is None:
                super().finish_request(request, client_address)
                return
            with self.context.wrap_socket(request, server_side=True) as line:
                super().finish_request(line, client_address)
                line.unwrap()


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def nobody() -> Iterator[int]:
    """A loopback port that nobody listens on, nor can begin to meanwhile: it is taken."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        yield taken.getsockname()[1]


def new_authority(folder: Path, spiffe: str) -> Authority:
    """Make a CA as istiod's, and a workload's certificate that it signed."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cluster.local")])
    now = datetime.now(UTC)

    def signed(
        subject: x509.Name, of: ec.EllipticCurvePrivateKey, *extensions: tuple[x509.ExtensionType, bool]
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, SHA256()).public_bytes(Encoding.PEM)

    identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe)])
    made = Authority(folder / "root-cert.pem", folder / "cert-chain.pem", folder / "key.pem")
    is_ca = x509.BasicConstraints(ca=True, path_length=None)
    made.root.write_bytes(signed(name, ca_key, (is_ca, True), (identifier, False)))
    made.chain.write_bytes(signed(x509.Name([]), key, (uri, True)))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def tls_only(authority: Authority, *, highest: ssl.TLSVersion, demands: Authority | None = None) -> ssl.SSLContext:
    """Return what a server without a mesh may have: TLS 1.2 allowed, a client's certificate of `demands` if given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, highest
    context.load_cert_chain(authority.chain, authority.key)
    if demands:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(demands.root)
    return context


@contextmanager
def program(argv: Sequence[str | Path], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a server until the block ends; the block starts when it is ready."""
    with log.open("w") as sink:
        words = [str(word) for word in argv]
        process = subprocess.Popen(words, stdout=sink, stderr=sink, text=True, start_new_session=True)
        try:

            def up() -> bool:
                assert process.poll() is None, log.read_text()[-2000:]
                return ready()

            wait_for(f"{argv[0]} is ready", up, until=bool, within=60, every=0.1)
            yield
        finally:
            end_group(process)


@contextmanager
def envoy(folder: Path, inbound: list[Inbound], authority: Authority) -> Iterator[None]:
    """Run one Envoy with these listeners."""
    [admin] = free_ports(1)
    config = folder / "bootstrap.json"
    config.write_text(json.dumps(bootstrap(admin, inbound, authority)))
    binary = Path(sys.executable).parent / "envoy"

    def ready() -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(f"http://{LOOPBACK}:{admin}/ready", timeout=5).ok
        return False

    with program([binary, "-c", config, "--concurrency", "1", "--disable-hot-restart"], folder / "envoy.log", ready):
        yield


@contextmanager
def gcs(folder: Path, port: int) -> Iterator[None]:
    """Run Ray's own GCS: a gRPC server as a Ray pod has it."""
    binary = Path(ray.__file__).parent / "core/src/ray/gcs/gcs_server"
    words = [f"--gcs_server_port={port}", f"--log_dir={folder}", "--config_list=e30="]  # base64 of {}
    words += [f"--node-ip-address={LOOPBACK}", "--session-name=test"]

    def ready() -> bool:
        with suppress(OSError), socket.create_connection((LOOPBACK, port), 5):
            return True
        return False

    with program([binary, *words], folder / "gcs.log", ready):
        yield
