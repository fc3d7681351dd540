"""A registry that misbehaves: each way says cause and cure. Over real TLS, by a server that answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.images.names import Reference, architecture
from raymesh.images.remote import MANIFESTS, UNZIPPED, Blob, Registries, Remote, folder
from tests.registry.serving import certificates

CONFIG = json.dumps({"architecture": architecture(), "config": {"Labels": {"a": "b"}}}).encode()
LAYER = b"layer" * 1000


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(**other: object) -> bytes:
    config, layer = ({"digest": digest(part), "size": len(part)} for part in (CONFIG, LAYER))
    return json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]} | other).encode()


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # the connection ends before the body does


@dataclass
class Server:
    """What is answered by path, the last answer of several again and again, and what was asked."""

    host: str
    ca: Path
    answers: dict[str, list[Answer]]
    asked: list[tuple[str, str]] = field(default_factory=list)  # path and Authorization

    def remote(self) -> Remote:
        return Remote(self.host, self.ca)

    def image(self, tag: str = "1") -> Reference:
        return Reference(self.host, "a/b", tag)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "client"))
    monkeypatch.setattr("raymesh.images.remote.PAUSE_SECONDS", 0.01)
    (tmp_path / "client").mkdir()
    ca, certificate, key = certificates(tmp_path)
    good = {"manifests/1": manifest(), f"blobs/{digest(CONFIG)}": CONFIG, f"blobs/{digest(LAYER)}": LAYER}
    found = Server("", ca, {f"/v2/a/b/{path}": [Answer(body=body)] for path, body in good.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, self.headers.get("Authorization", "")))
            answers = found.answers.get(self.path.partition("?")[0], [Answer(404)])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
            self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        found.host = f"127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        http.shutdown()
        thread.join()


def log_in(tmp_path: Path, host: str) -> None:
    auth = base64.b64encode(b"me:pass").decode()
    (tmp_path / "client" / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def test_a_registry_that_asks_for_no_login_is_asked_without_one(server: Server) -> None:
    client = server.remote()
    found = client.manifest(server.image())
    assert found.digest == digest(manifest())
    assert client.blob(server.image(), found.layers[0]).read_bytes() == LAYER
    assert client.config(found)["config"] == {"Labels": {"a": "b"}}
    assert {authorization for _, authorization in server.asked} == {""}


def test_a_token_is_got_with_the_login_and_used_for_that_image(server: Server, tmp_path: Path) -> None:
    log_in(tmp_path, server.host)
    realm = f'Bearer realm="https://{server.host}/token",service="registry"'
    server.answers["/v2/a/b/manifests/1"].insert(0, Answer(401, headers={"WWW-Authenticate": realm}))
    server.answers["/token"] = [Answer(body=b'{"token": "t0k"}')]
    client = server.remote()
    found = client.manifest(server.image())
    client.blob(server.image(), found.config)
    basic = "Basic " + base64.b64encode(b"me:pass").decode()
    token = "/token?scope=repository%3Aa%2Fb%3Apull&service=registry"
    assert server.asked[1:3] == [(token, basic), ("/v2/a/b/manifests/1", "Bearer t0k")]
    assert server.asked[-1][1] == "Bearer t0k"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(404), r"has no \S+/a/b:1\n  cure: copy it there"),
        (Answer(429), r"gives no more images for now .*\n  cure: wait, or `docker login"),
        (Answer(418, b"a teapot"), r"does not give \S+: HTTP 418: a teapot"),
        (Answer(503, b"busy"), r"HTTP 503: busy"),
        (Answer(403), r"wants a login for a/b, and there is none\n  cure: `docker login"),
        (Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}), r"wants a login for a/b, and there is none"),
        (Answer(401, headers={"WWW-Authenticate": "Negotiate"}), r"in a way that raymesh does not know: 'Negotiate'"),
        (Answer(401, headers={"WWW-Authenticate": 'Bearer realm="http://a"'}), r"Bearer whose realm is https"),
        (Answer(body=b"<html>log in</html>"), r"something else than a manifest.*\n  cure: is it a container registry"),
        (Answer(body=manifest(layers=[{"digest": "md5:1", "size": 1}])), r"is no image that raymesh reads"),
        (Answer(body=b'{"schemaVersion": 1, "fsLayers": []}'), r"is no image that raymesh reads"),
    ],
)
def test_what_a_registry_refuses_says_cause_and_cure(server: Server, answer: Answer, said: str) -> None:
    server.answers["/v2/a/b/manifests/1"] = [answer]
    with pytest.raises(EnvironmentFault, match=said):
        server.remote().manifest(server.image())


def test_a_server_that_is_out_of_sorts_is_asked_again(server: Server) -> None:
    server.answers["/v2/a/b/manifests/1"] = [Answer(502), Answer(503), Answer(body=manifest())]
    assert server.remote().manifest(server.image()).digest == digest(manifest())


def test_a_lie_about_a_digest_is_found_and_nothing_of_it_stays(server: Server) -> None:
    server.answers[f"/v2/a/b/blobs/{digest(LAYER)}"] = [Answer(body=LAYER + b"more")]
    with pytest.raises(EnvironmentFault, match="is not what its digest says"):
        server.remote().blob(server.image(), Blob(digest(LAYER), len(LAYER)))
    assert not [path for path in folder().iterdir() if path.suffix != ".lock"]
    pinned = Reference(server.host, "a/b", "", "sha256:" + "0" * 64)
    server.answers[f"/v2/a/b/manifests/{pinned.digest}"] = [Answer(body=manifest())]
    with pytest.raises(EnvironmentFault, match="is not what its digest says"):
        server.remote().manifest(pinned)


def test_a_download_that_breaks_off_is_told_and_the_next_one_is_whole(server: Server) -> None:
    blob, path = Blob(digest(LAYER), len(LAYER)), f"/v2/a/b/blobs/{digest(LAYER)}"
    server.answers[path] = [Answer(body=LAYER, cut=True), Answer(body=LAYER)]
    with pytest.raises(EnvironmentFault, match=r"broke off in the middle of \S+/a/b:1: .*\n  cure: run again"):
        server.remote().blob(server.image(), blob)
    assert not blob.file.exists()
    assert server.remote().blob(server.image(), blob).read_bytes() == LAYER


def test_a_registry_without_tls_is_told_so(server: Server) -> None:
    del server
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        host = f"127.0.0.1:{http.server_address[1]}"
        try:
            with pytest.raises(EnvironmentFault, match=rf"{host} (speaks no TLS|can't be told)"):
                Remote(host).manifest(Reference(host, "a", "1"))
        finally:
            http.shutdown()
            thread.join()


def test_the_media_types_are_docker_s_and_oci_s(server: Server) -> None:
    big = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(LAYER), "size": 100}
    server.answers["/v2/a/b/manifests/1"] = [Answer(body=manifest(layers=[big, {**big, "mediaType": "x.tar"}]))]
    assert server.remote().manifest(server.image()).unpacked == 100 * (UNZIPPED + 1)
    for kind in MANIFESTS:
        server.answers["/v2/a/b/manifests/1"] = [Answer(body=manifest(mediaType=kind), headers={"Content-Type": kind})]
        assert server.remote().manifest(server.image()).layers == (Blob(digest(LAYER), len(LAYER)),)


def test_who_gives_nothing_is_named_image_by_image(server: Server) -> None:
    images = {"one": f"{server.host}/a/b:1", "two": f"{server.host}/c:1"}
    found, errors = Registries(server.host, server.ca).manifests(images)
    assert set(found) == {"one"}
    assert list(errors) == [f"{server.host}/c:1"]
