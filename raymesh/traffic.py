"""Work that Ray does, with proof by Ray's own word that it was done on every node."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from raymesh import deadlines
from raymesh.deadlines import scaled
from raymesh.errors import RaymeshError
from raymesh.machine.programs import Completed
from raymesh.platform.kube import Ask, Kube
from raymesh.subject import RayPod, Subject
from raymesh.waiting import wait_for
from raymesh.witness.fields import Field, read_json
from raymesh.witness.pods import parse_pods

INSIDE = Path(__file__).parent / "inside"
GUIDE_ONE_LINER = "import ray; ray.get([ray.remote(lambda x: print(x)).remote(i) for i in range(%d)])"  # of the tasks
# Ray writes what a worker prints to files of its own, line by line (python/ray/_private/node.py).
PRINTED = "cat /tmp/ray/session_latest/logs/worker-*.out | grep -xE '[0-9]+' || test $? = 1"
STEPS = ("nodes", "tasks", "actors", "objects", "logs")
PULSE_MARK = "raymesh-pulse "
WHOLE_ROUND = 12  # steps that may take their whole time, one after the other, before a round is given up
STEP_SECONDS = 60  # of the workload's own clock, inside the pod
DASHBOARD_PORT, AGENT_PORT = "dashboard-port", "dashboard-agent-listen-port"  # the contract's names
JOB_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
JOB_MARK = "raymesh-job "
# The driver says on which node it is: what it prints can't be known beforehand by who submits it.
JOB_CODE = f"import ray; ray.init(); print('{JOB_MARK}' + ray.util.get_node_ip_address())"


class TrafficFailed(RaymeshError):
    """Ray did not do what it was asked, so nothing may be concluded from what the mesh shows."""


@dataclass(frozen=True)
class Proof:
    """One step that Ray did: what, with which result, in how many seconds."""

    step: str
    detail: str
    seconds: float


@dataclass(frozen=True)
class Beat:
    """A round of work between all nodes: how many calls each answered, by its address, and what Ray says of itself.

    `error` says why the round was not done, empty where it was. `alive` is Ray's own list of nodes.
    """

    calls: Mapping[str, int]
    alive: Mapping[str, bool]
    version: str
    error: str


@dataclass(frozen=True)
class JobRun:
    """A job that ended: its status, and the address of the node on which its driver ran, as the driver printed it."""

    status: str
    address: str
    log: str


@dataclass(frozen=True)
class Traffic:
    """Drives a Ray cluster from its head pod."""

    kube: Kube
    subject: Subject
    head: RayPod

    def run(self, code: str) -> str:
        """Run a driver of a line in the head pod and return its output. Raises CommandError."""
        return self._python(["-c", code], deadlines.INSTALL).stdout

    def printed(self, members: Sequence[RayPod]) -> Counter[int]:
        """Return how often each number was printed by Ray's workers, by their own logs on these pods."""
        found: Counter[int] = Counter()
        for one in members:
            done = self.kube.exec(
                one.name, ["sh", "-c", PRINTED], container=one.container, namespace=self.subject.namespace
            )
            found.update(int(number) for number in done.stdout.split())
        return found

    def pulse(self, patience: float) -> Pulse:
        """Return what lets the nodes work with each other; it starts when it is first asked."""
        return Pulse(self, patience)

    def drive(self, steps: Sequence[str], nodes: int) -> list[Proof]:
        """Run steps of the workload on every node. Raises TrafficFailed unless every one of them succeeded."""
        within = (STEP_SECONDS * 1.5 + 5) * len(steps)
        arguments = ["-", "auto", str(nodes), str(scaled(STEP_SECONDS)), *steps]
        done = self._python(arguments, within, stdin=(INSIDE / "workload.py").read_text())
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        failed = [f"{row['step']}: {row['detail']}" for row in rows if not row["ok"]]
        if failed or [row["step"] for row in rows] != list(steps):
            raise TrafficFailed(f"of {', '.join(steps)}: {'; '.join(failed) or 'no result'}\n{done.stderr[-2000:]}")
        return [Proof(row["step"], row["detail"], row["seconds"]) for row in rows]

    def members(self) -> tuple[RayPod, ...]:
        """Return the Ray pods that there are now."""
        return self.subject.members(parse_pods(self.kube.pods_json(self.subject.namespace, self.subject.selector)))

    def job(self, on: RayPod) -> JobRun:
        """Submit a job whose driver is to run on a pod, and read its status and log through the head's dashboard.

        Raises TrafficFailed, WaitTimeout.
        """
        dashboard = _number(self.subject, DASHBOARD_PORT, self.head)
        entrypoint = f'python -c "{JOB_CODE}"'
        wanted = {"entrypoint": entrypoint, "entrypoint_resources": {f"node:{on.host}": 0.001}}
        with self.kube.port_forward(self.subject.namespace, f"pod/{self.head.name}", dashboard) as url:
            jobs = _Jobs(f"{url}/api/jobs/", deadlines.SHORT)
            name = jobs.ask("POST", "", wanted)["submission_id"].text()
            status = wait_for(
                f"job {name} ended",
                lambda: jobs.ask("GET", name)["status"].text(),  # noqa: PLW0108 - asks anew each time
                until=lambda status: status in JOB_ENDED,
                within=deadlines.READY,
                every=1.0,
            )
            log = jobs.ask("GET", f"{name}/logs")["logs"].text()
        said = re.findall(rf"^{JOB_MARK}(\S+)", log, re.MULTILINE)
        return JobRun(status, said[0] if len(said) == 1 else "", log)

    def _python(self, arguments: Sequence[str], within: float, stdin: str | None = None) -> Completed:
        return self.kube.exec(
            self.head.name,
            ["python", *arguments],
            container=self.head.container,
            namespace=self.subject.namespace,
            timeout=within,
            stdin=stdin,
        )


def _number(subject: Subject, name: str, pod: RayPod) -> int:
    """Return the number of a port in a pod. Raises TrafficFailed where no flag fixes it."""
    numbers = subject.contract.numbers_of(name, pod.role, pod.group)
    if not numbers:
        raise TrafficFailed(f"{name} of {pod.name} has no number of its own: set it in rayStartParams")
    return numbers[0]


@dataclass(frozen=True)
class _Jobs:
    """Ray's job API (ray/dashboard/modules/job/job_head.py, 2.10.0 to 2.60.0): no Ray is needed here to ask it."""

    url: str
    within: float

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Field:
        try:
            answer = requests.request(method, self.url + path, json=body, timeout=scaled(self.within))
        except requests.RequestException as error:
            raise TrafficFailed(f"the job API does not answer: {error}") from error
        if not answer.ok:
            raise TrafficFailed(f"the job API answers {answer.status_code}: {answer.text[:500]}")
        return read_json(answer.text, "job API")


@dataclass
class Pulse:
    """Rounds of calls, objects and questions between all nodes, from one driver that stays until it fails.

    `patience` is seconds that a call of Ray's may take; another one counts from the next driver on.
    """

    traffic: Traffic
    patience: float
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _ask: Ask | None = None
    _nodes: int = 0

    def beat(self, nodes: int) -> Beat:
        """Do a round between so many nodes. A round that failed has its error in it, and the next one starts anew.

        Raises TrafficFailed where there was no answer at all.
        """
        try:
            if nodes != self._nodes:  # its actors are on the nodes that there were
                self.end()
                self._nodes = nodes
            beat = self._round()
        except RaymeshError as error:
            self.end()
            raise TrafficFailed(f"work between the nodes: {error}") from error
        if beat.error:
            self.end()
        return beat

    def end(self) -> None:
        """End the driver; the next round starts another one."""
        self._ask = None
        self._stack.close()

    def _round(self) -> Beat:
        if self._ask is None:
            self._ask = self._stack.enter_context(self._started())
        root = read_json(self._ask(self.patience * WHOLE_ROUND).removeprefix(PULSE_MARK), "pulse")
        return Beat(
            calls={address: count.integer() for address, count in root["calls"].entries().items()},
            alive={address: alive.flag() for address, alive in root["alive"].entries().items()},
            version=root["version"].text(),
            error=root["error"].text(),
        )

    def _started(self) -> contextlib.AbstractContextManager[Ask]:
        subject, head = self.traffic.subject, self.traffic.head
        agents = json.dumps({one.host: _number(subject, AGENT_PORT, one) for one in self.traffic.members()})
        arguments = [str(self._nodes), agents, str(scaled(self.patience))]
        program = ["python", "-c", (INSIDE / "pulse.py").read_text(), *arguments]
        return self.traffic.kube.talk(
            head.name, program, container=head.container, namespace=subject.namespace, mark=PULSE_MARK
        )
