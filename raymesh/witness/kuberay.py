"""KubeRay as a witness: what it says of a RayJob or a RayService that it runs.

Read from apis/ray/v1 of KubeRay 1.1.0 and 1.6.0: rayjob_types.go, rayservice_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raymesh.witness.fields import Field, optional_flag, optional_text, read_json

BY_A_POD = "K8sJobMode"  # of submission, KubeRay's default: a Job of Kubernetes submits


@dataclass(frozen=True)
class JobStatus:
    """What became of a RayJob. `mode` is how it is submitted; a word that KubeRay has not written yet is empty."""

    mode: str
    job: str  # Ray's word: PENDING, RUNNING, SUCCEEDED, FAILED, STOPPED
    deployment: str  # KubeRay's word: Initializing, Running, Complete, Waiting, ...
    message: str


@dataclass(frozen=True)
class ServeStatus:
    """What became of a RayService: its own word, and that of each application, by name.

    `serve_service` is the user's own name for its Service, empty where KubeRay names it; `headless` tells that the head
    is not to be behind it.
    """

    service: str
    serve_service: str
    headless: bool
    applications: Mapping[str, str]


def parse_job(text: str) -> JobStatus:
    """Read a RayJob. Raises Unreadable."""
    root = read_json(text, "RayJob")
    status = root.find("status")
    return JobStatus(
        optional_text(root["spec"], "submissionMode") or BY_A_POD,
        *(optional_text(status, key) if status else "" for key in ("jobStatus", "jobDeploymentStatus", "message")),
    )


def parse_service(text: str) -> ServeStatus:
    """Read a RayService. Raises Unreadable."""
    root = read_json(text, "RayService")
    status, own = root.find("status"), root["spec"].find("serveService")
    meta = own.find("metadata") if own else None
    active = status.find("activeServiceStatus") if status else None
    found = active.find("applicationStatuses") if active else None
    return ServeStatus(
        optional_text(status, "serviceStatus") if status else "",
        optional_text(meta, "name") if meta else "",
        optional_flag(root["spec"], "excludeHeadPodFromServeSvc"),
        {name: _state(one) for name, one in (found.entries() if found else {}).items()},
    )


def _state(application: Field) -> str:
    return optional_text(application, "status")
