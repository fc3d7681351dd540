"""Faults of the platform and of the work itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from raymesh.faults.breaking import one_worker
from raymesh.faults.fault import Fault
from raymesh.proof.bench import Bench
from raymesh.subject import head_of
from raymesh.verdicts.catalog import GUIDE, JOB, NO_RESTART
from raymesh.verdicts.finding import Findings
from raymesh.verdicts.work import guide_printed, job_ran

# As the guide's own one-liner, but for one task of twenty that keeps silent.
SILENT = "import ray; ray.get([ray.remote(lambda x: print(x) if x != 7 else None).remote(i) for i in range(20)])"


@contextlib.contextmanager
def sidecar_restarted(bench: Bench) -> Iterator[None]:
    """End a worker's Envoy; its container starts again, with every counter at 0."""
    one = one_worker(bench)
    words = ("exec", one.name, "-n", bench.subject.namespace, "-c", "istio-proxy", "--")
    bench.kube.kubectl(*words, "pilot-agent", "request", "POST", "quitquitquit", check=False)
    yield


@contextlib.contextmanager
def nothing(_: Bench) -> Iterator[None]:
    """Break nothing: the work that is judged is broken by itself."""
    yield


def job_on_the_head(bench: Bench) -> Findings:
    """Run the job on the head, and judge it as if it had been asked of the worker."""
    done = bench.traffic.job(head_of(bench.members()))
    return job_ran(done.status, done.address, done.log, wanted=one_worker(bench).host)


def silent_task(bench: Bench) -> Findings:
    """Judge the output of tasks one of which printed nothing."""
    members = bench.members()
    before = bench.traffic.printed(members)
    bench.traffic.run(SILENT)
    return guide_printed(before, bench.traffic.printed(members), tasks=20)


FAULTS = (
    Fault("work-sidecar-restarted", "a sidecar is restarted", sidecar_restarted, frozenset({NO_RESTART}), cuts=True),
    Fault(
        "work-job-elsewhere", "a job that runs on the wrong node", nothing, frozenset({JOB}), {"job": job_on_the_head}
    ),
    Fault(
        "work-task-silent",
        "one of the guide's tasks prints nothing",
        nothing,
        frozenset({GUIDE}),
        {"guide": silent_task},
    ),
)
