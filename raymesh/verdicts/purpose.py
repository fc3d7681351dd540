"""What a subject is there for: the end of a RayJob, the answers of a RayService."""

from __future__ import annotations

from collections.abc import Sequence

from raymesh.subject import RayPod
from raymesh.verdicts.catalog import OWN_JOB, SERVED
from raymesh.verdicts.finding import Finding, Findings, some
from raymesh.witness.knock import Knock
from raymesh.witness.kuberay import BY_A_POD, JobStatus, ServeStatus
from raymesh.witness.pods import SIDECAR, Pod, has_sidecar

KUBERAY, PROBE = "KubeRay", "probe"
SUCCEEDED, COMPLETE, RUNNING = "SUCCEEDED", "Complete", "RUNNING"
# The user submits it, which nobody does here: then it is well as soon as it waits for that.
BY_THE_USER, WAITING = "InteractiveMode", "Waiting"
SERVING = "ray.io/serve"  # label by which the serve Service chooses (controllers/ray/utils/constant.go, 1.1.0 to 1.6.0)
HTTP_OK, SERVES_WORD = "200", "success"  # of /-/healthz (python/ray/serve/_private/proxy.py, 2.10.0)


def own_job(status: JobStatus, submitters: Sequence[Pod]) -> Findings:
    """Judge a RayJob by KubeRay's word, and by the pods that submitted it: with a sidecar that stays they never end."""
    said = f"job {status.job or 'not there'}, deployment {status.deployment or 'not there'}"
    if status.mode == BY_THE_USER:
        expected, ok, going = f"{WAITING}, for the user's own job", status.deployment == WAITING, []
    else:
        by_pod = status.mode == BY_A_POD
        expected = f"job {SUCCEEDED}, deployment {COMPLETE}" + (", the submitter's pod at its end" if by_pod else "")
        going = [pod.name for pod in submitters if not pod.finished]
        ok = status.job == SUCCEEDED and status.deployment == COMPLETE and not going and bool(submitters or not by_pod)
    seen = f"{status.mode}: {said}; submitters: {len(submitters)}, not at their end: {some(going)}"
    kept = [
        pod.name for pod in submitters if not pod.finished and has_sidecar(pod) and SIDECAR not in pod.native_sidecars
    ]
    if kept:
        seen += f"; {some(kept)}: a sidecar that is not native keeps a Job from ending (native sidecars, or HTTPMode)"
    return (
        Finding(
            OWN_JOB,
            ok=ok,
            expected=expected,
            seen=seen + (f"; {status.message[:300]}" if status.message and not ok else ""),
            witness=KUBERAY,
            figures={"submitters": len(submitters)},
        ),
    )


def served(status: ServeStatus, members: Sequence[RayPod], knocks: Sequence[Knock]) -> Findings:
    """Judge a RayService by KubeRay's word, by who is behind its serve Service, and by calls to that from inside."""
    wanted = [one for one in members if one.role == "worker" or not status.headless]
    absent = [one.name for one in wanted if one.pod.labels.get(SERVING) != "true" or not one.pod.ready]
    idle = [f"{name} {word or 'without a word'}" for name, word in status.applications.items() if word != RUNNING]
    failed = [knock for knock in knocks if not _answered(knock)]
    return (
        Finding(
            SERVED,
            ok=all((status.applications, not idle, wanted, not absent, knocks, not failed)),
            expected=f"every application {RUNNING}, {len(wanted)} pods behind the serve Service, Serve's own word at "
            "each call through it",
            seen=f"{len(status.applications)} applications, otherwise: {some(idle)}; not behind the Service: "
            f"{some(absent)}; {len(knocks)} calls, failed: {some(failed)}",
            witness=PROBE,
            figures={"pods behind": len(wanted) - len(absent), "calls": len(knocks)},
        ),
    )


def _answered(knock: Knock) -> bool:
    outcome = knock.outcome
    return outcome.kind == "http" and outcome.status == HTTP_OK and outcome.detail == SERVES_WORD
