"""A real OCI registry on loopback: Debian's docker-registry, unpacked like the engine, with TLS, a CA and a login.

`python -m tests.registry.serving --lane NAME` fills it with the images that the engine has, under the names by which
they would be published, says how to prove the lane from it, and serves until Ctrl-C.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import ipaddress
import json
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from raymesh import stopping
from raymesh.images import istioctl, registry
from raymesh.images.bumping import bumped
from raymesh.images.names import parse
from raymesh.images.workshop import Workshop
from raymesh.lane import Lane, load_lane
from raymesh.machine import programs
from raymesh.machine.engine import engine
from raymesh.machine.toolbox import toolbox
from raymesh.progress import Progress
from raymesh.waiting import wait_for
from tests.registry.pushing import Pusher, file_layer, of_engine

USER = "mirror"
ADDRESS = "127.0.0.1"
STARTS_SECONDS, LASTS_DAYS = 30, 7


@dataclass(frozen=True)
class Served:
    """A registry that answers: HOST:PORT, the file of its CA, and the folder of a docker client that is logged in."""

    host: str
    ca: Path
    password: str
    client: Path

    def pusher(self) -> Pusher:
        session = requests.Session()
        session.verify, session.auth, session.trust_env = str(self.ca), (USER, self.password), False
        return Pusher(self.host, session)


@contextlib.contextmanager
def served(folder: Path, *, port: int = 0) -> Iterator[Served]:
    """Serve what is pushed, from files below `folder`."""
    program = toolbox("registry", Progress()).program("docker-registry")
    port = port or _free_port()
    ca, certificate, key = certificates(folder)
    password = secrets.token_urlsafe(18)
    (folder / "htpasswd").write_text(f"{USER}:{_bcrypt(password)}\n")
    config = folder / "config.yml"
    config.write_text(
        json.dumps(  # JSON is YAML
            {
                "version": 0.1,
                "log": {"level": "warn"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
                "http": {"addr": f"{ADDRESS}:{port}", "tls": {"certificate": str(certificate), "key": str(key)}},
                "auth": {"htpasswd": {"realm": "raymesh", "path": str(folder / "htpasswd")}},
            }
        )
    )
    client = folder / "client"
    client.mkdir()
    host = f"{ADDRESS}:{port}"
    login = base64.b64encode(f"{USER}:{password}".encode()).decode()
    (client / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
    with (
        (folder / "log").open("w") as log,
        programs.running([str(program), "serve", str(config)], stderr=log) as process,
    ):

        def answers() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            with contextlib.suppress(requests.ConnectionError):
                return requests.get(f"https://{host}/v2/", verify=str(ca), timeout=5).status_code == 401
            return False

        wait_for("the registry answers", answers, until=bool, within=STARTS_SECONDS, every=0.2)
        yield Served(host, ca, password, client)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((ADDRESS, 0))
        port: int = found.getsockname()[1]
        return port


def _bcrypt(password: str) -> str:
    """The only hash that the registry takes; Debian's libcrypt has it, and Perl is on every Debian."""
    salt = "".join(
        secrets.choice("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") for _ in range(22)
    )
    words = ["perl", "-e", "chomp($p = <STDIN>); print crypt($p, $ARGV[0])", f"$2y$05${salt}"]
    return subprocess.run(words, input=password, capture_output=True, text=True, check=True).stdout


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Make a CA, and a certificate of its own for loopback: files of both, and of the key."""
    ca_key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)

    def builder(name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "raymesh tests")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=LASTS_DAYS))
        )

    root = builder("raymesh tests", ca_key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS)), x509.DNSName("localhost")])
    own = builder("registry", own_key).add_extension(names, critical=False)
    paths = folder / "ca.pem", folder / "registry.pem", folder / "registry.key"
    for path, made in zip(paths, (root, own), strict=False):
        path.write_bytes(made.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key = own_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    paths[2].touch(0o600)
    paths[2].write_bytes(key)
    return paths


def as_published(lane: Lane) -> tuple[Lane, list[str]]:
    """Return a lane that pulls what this machine makes for it, and the options that say so.

    Its digests are not those of the published images; a version that is told drops them.
    """
    sets = [f"{program}={version}" for program, version in {"kubernetes": lane.kubernetes, **lane.build}.items()]
    return bumped(lane, sets, pulled=True), [word for one in sets for word in ("--set", one)]


def fill(lane: Lane, pusher: Pusher, mirror: str, only: set[str]) -> None:
    """Push the images that the engine has of a lane, as a mirror would have them."""
    progress = Progress()
    with engine(progress, keep=lambda: True) as found:
        workshop = Workshop.open(lane.as_built(), found, progress)
        names = registry.published(as_published(lane)[0], mirror)
        for role, name in names.items():
            if only and role not in only:
                continue
            with progress.phase(f"push {name}"), tempfile.TemporaryDirectory() as folder:
                if role == istioctl.ROLE:
                    program = workshop.program("istio", "istioctl")
                    pusher.push(parse(name), [file_layer(istioctl.INSIDE, program.read_bytes())])
                else:
                    config, layers = of_engine(found, workshop.references()[role], Path(folder))
                    pusher.push_files(parse(name), config, layers)


def main() -> None:
    """Serve a lane's images until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lane", default="seed")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for certificates and images: a few GiB (default: a temporary one)")
    parser.add_argument("--only", action="append", default=[], metavar="ROLE", help="push this image alone, repeatable")
    arguments = parser.parse_args()
    lane = load_lane(arguments.lane)
    stopping.on_signals()  # whoever ends it politely gets a clean machine
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="registry-")))
        found = stack.enter_context(served(folder, port=arguments.port))
        mirror = f"{found.host}/mirror"
        fill(lane, found.pusher(), mirror, set(arguments.only))
        words = ["--lane", lane.name, *as_published(lane)[1], "--image-source", "pull", "--registry", mirror]
        print(f'DOCKER_CONFIG={found.client} make e2e ARGS="{" ".join([*words, "--registry-ca", str(found.ca)])}"')
        print("serving until Ctrl-C", flush=True)
        wait_for("Ctrl-C", lambda: False, until=bool, within=LASTS_DAYS * 24 * 3600)


if __name__ == "__main__":
    main()
