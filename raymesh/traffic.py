"""Work that Ray does, with proof that it was done on every node."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ray.job_submission import JobStatus, JobSubmissionClient

from raymesh.errors import RaymeshError
from raymesh.machine.programs import Completed
from raymesh.mesh.guide import HEAD, NAMESPACE, PODS
from raymesh.platform.kube import Kube
from raymesh.ports import Contract
from raymesh.waiting import wait_for

WORKLOAD = Path(__file__).parent / "inside" / "workload.py"
GUIDE_TASKS = 5000
GUIDE_ONE_LINER = f"import ray; ray.get([ray.remote(lambda x: print(x)).remote(i) for i in range({GUIDE_TASKS})])"
STEPS = ("nodes", "tasks", "actors", "objects", "logs")
PULSE = Path(__file__).parent / "inside" / "pulse.py"
PULSE_SECONDS = 180
STEP_SECONDS = 60
DRIVER_SECONDS = 180  # seconds as a rule; while the guide's 5000 tasks are taken in a driver is long in coming up
DASHBOARD_PORT = 8265
AGENT_PORT = "dashboard-agent-listen-port"
AGENT_SECONDS = 10
ANSWER = "the answer is 42"


class TrafficFailed(RaymeshError):
    """Ray did not do what it was asked, so nothing may be concluded from what the mesh shows."""


@dataclass(frozen=True)
class Proof:
    """One step that Ray did: what, with which result, in how many seconds."""

    step: str
    detail: str
    seconds: float


@dataclass(frozen=True)
class Traffic:
    """Drives the RayCluster from its head pod."""

    kube: Kube
    head_pod: str

    def guide(self, within: float) -> str:
        """Run the guide's one-liner as it stands and return its output. Raises CommandError."""
        return self._python(["-c", GUIDE_ONE_LINER], within).stdout

    @contextlib.contextmanager
    def pulse(self) -> Iterator[Callable[[], int]]:
        """Yield a round of calls between head and worker, which returns how many there were.

        It raises TrafficFailed or CommandError unless all of them succeeded.
        """
        program = ["python", "-c", PULSE.read_text(), str(PODS)]
        with self.kube.talk(self.head_pod, program, container=HEAD, namespace=NAMESPACE) as ask:

            def beat() -> int:
                answer = json.loads(ask(PULSE_SECONDS))
                if not answer.get("calls"):
                    raise TrafficFailed(f"calls between the nodes: {answer}")
                return int(answer["calls"])

            yield beat

    def drive(self, steps: Sequence[str]) -> list[Proof]:
        """Run steps of the workload on both nodes. Raises TrafficFailed unless every one of them succeeded."""
        within = (STEP_SECONDS + 5) * len(steps) + 30
        arguments = ["-", "auto", str(PODS), str(STEP_SECONDS), *steps]
        done = self._python(arguments, within, stdin=WORKLOAD.read_text())
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        failed = [f"{row['step']}: {row['detail']}" for row in rows if not row["ok"]]
        if failed or [row["step"] for row in rows] != list(steps):
            raise TrafficFailed(f"of {', '.join(steps)}: {'; '.join(failed) or 'no result'}\n{done.stderr[-2000:]}")
        return [Proof(row["step"], row["detail"], row["seconds"]) for row in rows]

    def nodes(self) -> dict[str, bool]:
        """Return the address under which each Ray node registered -> whether it is alive."""
        code = (
            "import json, ray; ray.init(address='auto', logging_level='ERROR', log_to_driver=False);"
            "print(json.dumps({n['NodeManagerAddress']: n['Alive'] for n in ray.nodes()}))"
        )
        answer: dict[str, bool] = json.loads(self._python(["-c", code], DRIVER_SECONDS).stdout.splitlines()[-1])
        return answer

    def version(self) -> str:
        """Return the Ray version that the head runs."""
        return self._python(["-c", "import ray; print(ray.__version__)"], 60).stdout.strip()

    def job(self, worker_address: str, within: float) -> Proof:
        """Submit a job whose driver runs on the worker, and read its status and logs through the head.

        Raises TrafficFailed, WaitTimeout.
        """
        with self.kube.port_forward(NAMESPACE, f"pod/{self.head_pod}", DASHBOARD_PORT) as url:
            client = JobSubmissionClient(url)
            name = client.submit_job(
                entrypoint=f"python -c \"import ray; ray.init(); print('{ANSWER}')\"",
                entrypoint_resources={f"node:{worker_address}": 0.001},
            )
            status = wait_for(
                f"job {name} ended",
                lambda: client.get_job_status(name),
                until=lambda status: status.is_terminal(),
                within=within,
                every=1.0,
            )
            logs = client.get_job_logs(name)
            if status != JobStatus.SUCCEEDED or ANSWER not in logs:
                raise TrafficFailed(f"job {name}: {status}, logs: {logs[-1000:]}")
            return Proof("job", f"{status} on {worker_address}, its log read through the head", 0.0)

    def ask_agent(self, address: str, contract: Contract) -> bool:
        """Ask a node's dashboard agent over HTTP how it is, from the head; tell whether it answered that it is well."""
        [port] = [port.number for port in contract.headless_ports() if port.name == AGENT_PORT]
        url = f"http://{address}:{port}/api/local_raylet_healthz"
        code = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout={AGENT_SECONDS}).read().decode())"
        words = ["python", "-c", code]
        answer = self.kube.exec(self.head_pod, words, container=HEAD, namespace=NAMESPACE, check=False)
        return answer.stdout.strip() == "success"

    def _python(self, arguments: Sequence[str], within: float, stdin: str | None = None) -> Completed:
        return self.kube.exec(
            self.head_pod, ["python", *arguments], container=HEAD, namespace=NAMESPACE, timeout=within, stdin=stdin
        )
