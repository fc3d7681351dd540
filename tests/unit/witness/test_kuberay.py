"""What KubeRay says of a RayJob and a RayService; the objects have the form of apis/ray/v1 of 1.1.0 to 1.6.0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raymesh.errors import Unreadable
from raymesh.witness.kuberay import JobStatus, ServeStatus, parse_job, parse_service


def rayjob(status: Any, **spec: str) -> str:
    return json.dumps({"kind": "RayJob", "spec": spec, **({"status": status} if status is not None else {})})


def test_a_job_says_how_it_is_submitted_and_what_became_of_it() -> None:
    ended = {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Complete", "message": "Job finished successfully."}
    assert parse_job(rayjob(ended, submissionMode="HTTPMode")) == JobStatus(
        "HTTPMode", "SUCCEEDED", "Complete", "Job finished successfully."
    )
    assert parse_job(rayjob({"jobDeploymentStatus": "Initializing"})) == JobStatus("K8sJobMode", "", "Initializing", "")
    assert parse_job(rayjob(None)) == JobStatus("K8sJobMode", "", "", "")


def test_a_service_says_what_became_of_each_application() -> None:
    text = json.dumps(
        {
            "spec": {"excludeHeadPodFromServeSvc": True, "serveService": {"metadata": {"name": "front"}}},
            "status": {
                "serviceStatus": "Running",
                "activeServiceStatus": {"applicationStatuses": {"a": {"status": "RUNNING"}, "b": {}}},
            },
        }
    )
    assert parse_service(text) == ServeStatus("Running", "front", True, {"a": "RUNNING", "b": ""})
    assert parse_service(json.dumps({"spec": {}})) == ServeStatus("", "", False, {})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"spec": 1}'])
def test_what_is_no_object_of_kuberays_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_job(text)
    with pytest.raises(Unreadable):
        parse_service(text)
