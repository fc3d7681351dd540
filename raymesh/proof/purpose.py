"""The looks at what a subject is there for: the end of a RayJob, the answers of a RayService."""

from __future__ import annotations

from raymesh import deadlines
from raymesh.deadlines import scaled
from raymesh.proof.bench import Bench
from raymesh.proof.knocking import FROM_INSIDE, PATIENCE_SECONDS
from raymesh.subject import head_of
from raymesh.verdicts.finding import Findings
from raymesh.verdicts.purpose import own_job, served
from raymesh.witness.knock import Means, Target
from raymesh.witness.kuberay import parse_job, parse_service

SUBMITTED_FOR = "job-name"  # label that Kubernetes gives the pods of a Job; KubeRay calls its Job as the RayJob
SERVE_PORT, HEALTHZ = "serve-port", "/-/healthz"
CALLS_A_POD = 4  # Envoy chooses who answers: so many that hardly any pod is left out


def reaches_its_end(bench: Bench) -> Findings:
    """Judge the RayJob whose RayCluster this is."""
    subject = bench.subject
    text = _read(bench, "rayjobs.ray.io")
    submitters = [pod for pod in bench.pods(subject.namespace) if pod.labels.get(SUBMITTED_FOR) == subject.owner]
    return own_job(parse_job(text), submitters)


def serves(bench: Bench) -> Findings:
    """Judge the RayService whose RayCluster this is. Nothing where no pod may knock."""
    subject, knocking = bench.subject, bench.witnesses.knocking
    if knocking is None:
        return ()
    status = parse_service(_read(bench, "rayservices.ray.io"))
    members = bench.members()
    port = next(iter(subject.contract.find(SERVE_PORT).numbers or ()))
    service = status.serve_service or f"{subject.owner}-serve-svc"
    host = f"{service}.{subject.namespace}.svc.{subject.domain}"
    target = Target(head_of(members).name, "head", host, "", port, "http", HEALTHZ)
    at = [target] * (CALLS_A_POD * len(members))
    within = deadlines.SHORT + PATIENCE_SECONDS * len(at)
    knocks = knocking.insider.knock(FROM_INSIDE, at, Means(), patience=scaled(PATIENCE_SECONDS), within=within)
    return served(status, members, knocks)


def _read(bench: Bench, resource: str) -> str:
    subject = bench.subject
    return bench.kube.kubectl("get", resource, subject.owner, "-n", subject.namespace, "-o", "json").stdout
