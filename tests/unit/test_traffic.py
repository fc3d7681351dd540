"""Work that Ray does: the job API asked over HTTP, and what workers printed, read in the files that Ray leaves."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from raymesh import traffic
from raymesh.machine.programs import Completed
from raymesh.platform.kube import Kube
from raymesh.traffic import JobRun, Traffic, TrafficFailed
from tests.unit.verdicts.built_subject import HEAD, MEMBERS, SUBJECT, WORKER_A

JOB = "raysubmit_1"


class Near(Kube):
    """A cluster whose pods are this machine: a forward leads to a server here, a program of a pod's runs here."""

    url: str

    @contextlib.contextmanager
    def port_forward(
        self, namespace: str, target: str, port: int, within: float = 30, *, local: int = 0
    ) -> Iterator[str]:
        assert (namespace, target, port, within, local) == ("default", "pod/head", 8265, 30, 0)
        yield self.url

    def exec(self, pod: str, argv: Sequence[str], **_: Any) -> Completed:
        assert pod in {one.name for one in MEMBERS}
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20)
        return Completed(done.returncode, done.stdout, done.stderr, 0.0)


class Jobs(BaseHTTPRequestHandler):
    """Ray's job API for one job, which goes through these states as it is asked."""

    states: list[str]
    log: str
    asked: list[tuple[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        self.answer({"submission_id": JOB})

    def do_GET(self) -> None:
        if self.path == f"/api/jobs/{JOB}/logs":
            self.answer({"logs": self.log})
        elif self.path == f"/api/jobs/{JOB}":
            self.answer({"status": self.states.pop(0) if len(self.states) > 1 else self.states[0]})
        else:
            self.send_error(404)

    def answer(self, said: Any) -> None:
        body = json.dumps(said).encode()
        self.send_response(200 if self.states else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal."""


@contextlib.contextmanager
def serving(*states: str, log: str = "") -> Iterator[tuple[Traffic, list[tuple[str, Any]]]]:
    handler = type("Handler", (Jobs,), {"states": list(states), "log": log, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kube = Near(None, Path("kubectl"))
    object.__setattr__(kube, "url", f"http://127.0.0.1:{server.server_port}")
    try:
        yield Traffic(kube, SUBJECT, HEAD), handler.asked  # type: ignore[attr-defined]  # made three lines above
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_job_is_asked_for_on_a_node_and_its_driver_says_where_it_ran() -> None:
    log = f"2026 INFO worker.py\nraymesh-job {WORKER_A.host}\n"
    with serving("PENDING", "RUNNING", "SUCCEEDED", log=log) as (ray, asked):
        assert ray.job(WORKER_A) == JobRun("SUCCEEDED", WORKER_A.host, log)
    [(path, wanted)] = asked
    assert path == "/api/jobs/"
    assert wanted["entrypoint_resources"] == {f"node:{WORKER_A.host}": 0.001}


@pytest.mark.parametrize(
    ("states", "log"),
    [
        (("FAILED",), "Traceback: raymesh-job is no line of its own"),
        (("SUCCEEDED",), ""),
        (("STOPPED",), "raymesh-job a\nraymesh-job b\n"),
    ],
)
def test_a_driver_that_did_not_say_where_it_ran_ran_nowhere(states: Sequence[str], log: str) -> None:
    with serving(*states, log=log) as (ray, _):
        assert ray.job(WORKER_A) == JobRun(states[0], "", log)


def test_an_api_that_answers_with_an_error_is_named() -> None:
    with serving() as (ray, _), pytest.raises(TrafficFailed, match="the job API answers 500"):
        ray.job(WORKER_A)


def test_what_workers_printed_is_counted_by_their_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers alone on a line, of workers' standard output; each pod is asked, and here all are the same machine."""
    monkeypatch.setattr(traffic, "PRINTED", traffic.PRINTED.replace("/tmp/ray", str(tmp_path)))
    logs = tmp_path / "session_latest" / "logs"
    logs.mkdir(parents=True)
    (logs / "worker-1.out").write_text("0\n1\n:actor_name:Peer\n1 2\n")
    (logs / "worker-2.out").write_text("1\n12\n")
    (logs / "worker-2.err").write_text("7\n")
    kube = Near(None, Path("kubectl"))
    assert Traffic(kube, SUBJECT, HEAD).printed([HEAD]) == Counter({0: 1, 1: 2, 12: 1})
    assert Traffic(kube, SUBJECT, HEAD).printed(MEMBERS[:2])[1] == 2 * len(MEMBERS[:2])


def test_workers_that_printed_no_number_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PRINTED", traffic.PRINTED.replace("/tmp/ray", str(tmp_path)))
    logs = tmp_path / "session_latest" / "logs"
    logs.mkdir(parents=True)
    (logs / "worker-1.out").write_text("hello\n")
    assert not Traffic(Near(None, Path("kubectl")), SUBJECT, HEAD).printed([HEAD])
