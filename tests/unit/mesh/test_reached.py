"""The way to a witness: at the path where it answers as itself, and a login or another program is not taken for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from raymesh.errors import EnvironmentFault
from raymesh.mesh import reached
from raymesh.mesh.found import Found
from raymesh.platform.kube import Kube
from raymesh.witness.http import Http

KUBE = Kube(None, Path("kubectl"))  # not asked: the address is given


@contextmanager
def serving(answers: dict[str, tuple[int, str]], heard: list[str] | None = None) -> Iterator[str]:
    """Yield the URL of a server that gives these answers by path, and 404 else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if heard is not None:
                heard.append(self.headers.get("Authorization", ""))
            code, text = answers.get(self.path, (404, "not here"))
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def way(name: str, url: str, token: Path | None = None) -> Http:
    with ExitStack() as stack:
        return reached.way(stack, KUBE, name, Found(), lambda *_: None, address=url, token=token, ca=None)


def test_one_that_answers_is_taken_as_it_is() -> None:
    with serving({"/kiali/api/status": (200, "{}")}) as url:
        assert way("kiali", f"{url}/kiali/").base_url == f"{url}/kiali"


@pytest.mark.parametrize(("code", "text"), [(401, "{}"), (403, "no")])
def test_a_login_is_told_with_the_token_as_its_cure(code: int, text: str) -> None:
    with (
        serving({"/api/status": (code, text)}) as url,
        pytest.raises(EnvironmentFault, match=rf"kiali does not answer: .*HTTP {code}.*\n.*--kiali-token FILE"),
    ):
        way("kiali", url)


def test_a_page_is_no_witness() -> None:
    with (
        serving({"/api/services": (200, "<html>log in</html>")}) as url,
        pytest.raises(EnvironmentFault, match=r"jaeger does not answer: .*no JSON.*\n.*--without jaeger"),
    ):
        way("jaeger", url)


def test_a_token_is_shown_to_its_witness(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("abc\n")
    heard: list[str] = []
    with serving({"/api/v1/status/buildinfo": (200, "{}")}, heard) as url:
        way("prometheus", url, token)
    assert heard == ["Bearer abc"]


def test_one_that_is_not_asked_leads_nowhere() -> None:
    assert way("kiali", "").base_url == reached.NOWHERE
