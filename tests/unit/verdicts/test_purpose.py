"""A RayJob that ended and a RayService that serves are green; each thing that is missing is red."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from raymesh.subject import RayPod
from raymesh.verdicts.finding import holds
from raymesh.verdicts.purpose import SERVING, own_job, served
from raymesh.witness.knock import Knock, Outcome, Target
from raymesh.witness.kuberay import JobStatus, ServeStatus
from raymesh.witness.pods import Pod
from tests.unit.verdicts.built_subject import HEAD, MEMBERS, WORKER_A, built_pod

ENDED = JobStatus("K8sJobMode", "SUCCEEDED", "Complete", "")
SUBMITTER = replace(built_pod("batch-x", "worker", "10.0.0.9"), ready=False, finished=True)


def test_a_job_that_ended_is_green() -> None:
    assert holds(own_job(ENDED, [SUBMITTER]))
    assert holds(own_job(replace(ENDED, mode="HTTPMode"), []))
    assert holds(own_job(JobStatus("InteractiveMode", "", "Waiting", ""), []))


@pytest.mark.parametrize(
    ("status", "submitters"),
    [
        (replace(ENDED, job="RUNNING", deployment="Running"), [SUBMITTER]),
        (replace(ENDED, job="FAILED", deployment="Failed"), [SUBMITTER]),
        (replace(ENDED, deployment="Running"), [SUBMITTER]),
        (replace(ENDED, job="", deployment=""), [SUBMITTER]),
        (ENDED, []),
        (ENDED, [SUBMITTER, replace(SUBMITTER, name="stays", finished=False)]),
        (JobStatus("HTTPMode", "", "Initializing", ""), []),
        (JobStatus("InteractiveMode", "SUCCEEDED", "Complete", ""), []),
    ],
)
def test_a_job_that_did_not_end_is_red(status: JobStatus, submitters: Sequence[Pod]) -> None:
    assert not holds(own_job(status, submitters))


def test_the_reason_that_kuberay_gives_is_told() -> None:
    [finding] = own_job(replace(ENDED, job="FAILED", message="the driver ended with 1"), [SUBMITTER])
    assert "the driver ended with 1" in finding.seen


def behind(one: RayPod, label: str = "true") -> RayPod:
    return replace(one, pod=replace(one.pod, labels={**one.pod.labels, SERVING: label}))


SERVES = ServeStatus("Running", "", False, {"echo": "RUNNING"})
ALL = tuple(behind(one) for one in MEMBERS)
TARGET = Target(HEAD.name, "head", "serving-serve-svc.default.svc.cluster.local", "", 8000, "http", "/-/healthz")
GOOD = Knock("in the mesh", TARGET, Outcome("http", "connected", status="200", by="somebody", detail="success"))


def test_a_service_that_serves_is_green() -> None:
    assert holds(served(SERVES, ALL, [GOOD, GOOD]))
    assert holds(served(replace(SERVES, headless=True), (behind(HEAD, "false"), *ALL[1:]), [GOOD]))


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("http", "connected", status="503", by="Envoy"),
        Outcome("http", "connected", status="200", by="application", detail="another server's page"),
        Outcome("closed", "connected"),
        Outcome("no route", "connecting"),
    ],
)
def test_one_call_that_serve_did_not_answer_is_red(outcome: Outcome) -> None:
    assert not holds(served(SERVES, ALL, [GOOD, replace(GOOD, outcome=outcome), GOOD]))


@pytest.mark.parametrize(
    ("status", "members", "knocks"),
    [
        (SERVES, ALL, []),
        (SERVES, (), [GOOD]),
        (replace(SERVES, applications={}), ALL, [GOOD]),
        (replace(SERVES, applications={"echo": "RUNNING", "other": "DEPLOYING"}), ALL, [GOOD]),
        (SERVES, (behind(HEAD, "false"), *ALL[1:]), [GOOD]),
        (SERVES, (HEAD, *ALL[1:]), [GOOD]),
        (replace(SERVES, headless=True), (*ALL[:1], WORKER_A, *ALL[2:]), [GOOD]),
        (SERVES, (*ALL[:2], replace(ALL[2], pod=replace(ALL[2].pod, ready=False))), [GOOD]),
    ],
)
def test_a_service_that_lacks_something_is_red(
    status: ServeStatus, members: Sequence[RayPod], knocks: Sequence[Knock]
) -> None:
    assert not holds(served(status, members, knocks))


@pytest.mark.parametrize(("native", "told"), [((), True), (("istio-proxy",), False)])
def test_a_submitter_that_its_sidecar_keeps_is_told_with_the_cure(native: tuple[str, ...], told: bool) -> None:
    kept = replace(SUBMITTER, name="submitter", finished=False, native_sidecars=native)
    [finding] = own_job(ENDED, [kept])
    assert not finding.ok
    assert ("submitter: a sidecar that is not native keeps a Job from ending" in finding.seen) == told
