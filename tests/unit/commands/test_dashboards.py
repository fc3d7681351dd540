"""The command as a person runs it, with a kubectl that leads to servers of this machine, ended by Ctrl-C."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from raymesh.commands.main import main
from raymesh.waiting import wait_for

APP, PLACEHOLDER = "<html><script src=app.js></script></html>", "<html><p>no console</p></html>"
KIALI_PAGES, KIALI_API = "/kiali/console/namespaces/default/workloads/mine", "/kiali/api/status"
VERSION = (
    "major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"
)  # fmt: skip
WHOLE = {
    "/api/v1/pods": '{"items": []}',
    "/version/": json.dumps(dict.fromkeys(VERSION, "v1.31.2")),
    KIALI_API: "{}",
    KIALI_PAGES: APP,
    "/jaeger/api/services": "{}",
    "/jaeger/search": APP,
    "/api/v1/status/buildinfo": "{}",
    "/graph": APP,
    "/api/version": "{}",
    "/": APP,
}
SERVICES = [
    ("istio-system", "kiali", 20001, "http"),
    ("istio-system", "tracing", 80, "http"),
    ("istio-system", "prometheus", 9090, "http"),
    ("default", "mine-head-svc", 8265, "dashboard"),
]
KUBECTL = """#!/bin/sh
echo $$ >> {folder}/pids
for word; do last=$word; done
case "$*" in
  *get-contexts*) echo mine ;;
  *"--raw /version"*) echo '{{"gitVersion": "v1.31.2"}}' ;;
  *"get rayclusters"*) cat {folder}/rayclusters ;;
  *"get services"*) cat {folder}/services ;;
  *port-forward*)
    [ -e {folder}/no-forward ] && {{ echo "error: no endpoints"; exit 1; }}
    case $last in :*) ;; *) echo "Unable to listen on port ${{last%%:*}}"; exit 1 ;; esac
    echo "Forwarding from 127.0.0.1:{port} -> 1"; exec sleep 600 ;;
  *) echo '{{"items": []}}' ;;
esac
"""


@contextmanager
def answering(pages: Mapping[str, str]) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Type", "application/json" if "{" in (page or "") else "text/html")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def items(*docs: Mapping[str, object]) -> str:
    return json.dumps({"items": docs})


def service(namespace: str, name: str, port: int, named: str) -> dict[str, object]:
    meta = {"namespace": namespace, "name": name, "labels": {}}
    return {"metadata": meta, "spec": {"ports": [{"port": port, "name": named}]}}


def kubeconfig(port: int) -> dict[str, object]:
    return {
        "clusters": [{"name": "mine", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "mine", "context": {"cluster": "mine", "user": "me"}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
        "current-context": "mine",
    }


@contextmanager
def cluster(folder: Path, pages: Mapping[str, str], *clusters: str) -> Iterator[dict[str, str]]:
    """Yield the environment of a machine whose kubectl shows such a cluster."""
    with answering(pages) as port:
        (folder / "kubectl").write_text(KUBECTL.format(folder=folder, port=port))
        (folder / "kubectl").chmod(0o755)
        (folder / "rayclusters").write_text(
            items(*({"metadata": {"namespace": "default", "name": name}} for name in clusters or ("mine",)))
        )
        (folder / "services").write_text(items(*(service(*one) for one in SERVICES)))
        (folder / "config").write_text(json.dumps(kubeconfig(port)))
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "KUBECONFIG": str(folder / "config")}
        yield {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}


def as_in_a_terminal() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and so all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(folder: Path, environment: dict[str, str], *words: str) -> tuple[int, str]:
    """Run it until it says that Ctrl-C ends it, or ends; send Ctrl-C; return the exit code and what it printed."""
    said = folder / "said"
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "raymesh", "dashboards", "--context", "mine", *words],
            env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=as_in_a_terminal,  # noqa: PLW1509 - one system call, and no lock
        )  # fmt: skip
        try:
            wait_for(
                "all are open", lambda: (process.poll(), said.read_text()),
                until=lambda now: now[0] is not None or "Ctrl-C" in now[1], within=60, every=0.1,
            )  # fmt: skip
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            code = process.wait(30)
        finally:
            process.kill()
            process.wait()
    left = [pid for pid in (folder / "pids").read_text().split() if Path("/proc", pid).exists()]
    assert left == [], "nothing of it is left"
    return code, said.read_text()


def test_the_guides_own_addresses_are_filled_in_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with cluster(tmp_path, WHOLE) as environment:
        code, said = run(tmp_path, environment)
    assert code == 0
    urls = re.findall(r"http://localhost:\d+(\S*)", said)
    assert urls == [
        f"{KIALI_PAGES}?duration=60&refresh=60000&tab=info",
        f"{KIALI_PAGES}?duration=60&refresh=60000&tab=traffic",
        "/jaeger/search?limit=1000&lookback=1h&maxDuration&minDuration&service=mine.default",
        "/graph?g0.expr=istio_requests_total%7Bdestination_workload_namespace%3D%22default%22%7D&g0.tab=1",
        "/",
    ]
    assert "no pages" not in said
    assert "not open" not in said


def test_what_has_no_pages_says_why_and_where_its_api_is(tmp_path: Path) -> None:
    with cluster(tmp_path, {**WHOLE, KIALI_PAGES: PLACEHOLDER}) as environment:
        code, said = run(tmp_path, environment)
    assert code == 0
    assert re.search(rf"Kiali\n  no pages: its console is .*\n  its API: http://localhost:\d+{KIALI_API}\n", said)
    assert said.count("no pages") == 1


def test_one_that_does_not_answer_leaves_the_others_open(tmp_path: Path) -> None:
    with cluster(tmp_path, {path: text for path, text in WHOLE.items() if "jaeger" not in path}) as environment:
        code, said = run(tmp_path, environment)
    assert code == 0
    assert re.search(r"Jaeger\n  not open: .*HTTP 404", said)
    assert KIALI_PAGES in said


def test_where_none_can_be_opened_it_ends_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "no-forward").touch()
    with cluster(tmp_path, WHOLE) as environment:
        code, said = run(tmp_path, environment)
    assert code == 4
    assert "no endpoints" in said


@pytest.mark.parametrize(
    ("clusters", "words", "says"),
    [
        (("mine", "other"), [], "which RayCluster? --running NAMESPACE/NAME says it; this cluster has default/mine"),
        (("mine",), ["--running", "default/none"], "there is no RayCluster default/none"),
    ],
)
def test_it_says_which_cluster_it_does_not_know(
    tmp_path: Path, clusters: tuple[str, ...], words: list[str], says: str
) -> None:
    with cluster(tmp_path, WHOLE, *clusters) as environment:
        code, said = run(tmp_path, environment, *words)
    assert code == 2
    assert says in said


def test_a_name_without_its_namespace_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards", "--running", "none"]) == 2
    assert "NAMESPACE/NAME of a RayCluster" in capsys.readouterr().err


def test_without_a_kept_cluster_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with cluster(tmp_path, WHOLE) as environment:
        monkeypatch.setenv("PATH", environment["PATH"])
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr("raymesh.platform.kind._program", lambda *_: tmp_path / "kubectl")
        assert main(["dashboards", "--cluster-name", "gone"]) == 4
    assert "--keep-cluster yes" in capsys.readouterr().err
