"""Who may call a subject besides its own pods: whom the user names, and what its manifests bring along."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from raymesh.manifests.patching import Doc, pod_templates
from raymesh.witness.kuberay import BY_A_POD
from raymesh.witness.pods import Pod

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod")
DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True, order=True)
class Caller:
    """A service account: what a sidecar proves of who speaks."""

    namespace: str
    account: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.account}"

    def spiffe(self, trust_domain: str) -> str:
        """Return its SPIFFE name."""
        return f"spiffe://{trust_domain}/ns/{self.namespace}/sa/{self.account}"


def companions(docs: Iterable[Doc], namespace: str) -> frozenset[Caller]:
    """Return the accounts of pods that a subject's manifests bring along besides Ray's.

    A Redis for its GCS, a client, and the pod that submits a RayJob: KubeRay's default runs as `default`
    (GetDefaultSubmitterTemplate in controllers/ray/common/job.go, 1.1.0 to 1.6.0).
    """
    return frozenset(
        Caller(doc["metadata"].get("namespace", namespace), spec.get("serviceAccountName", DEFAULT_ACCOUNT))
        for doc in docs
        for spec in _beside(doc)
    )


def _beside(doc: Doc) -> list[Doc]:
    if doc["kind"] in WORKLOADS:
        return [template["spec"] for template in pod_templates(doc)]
    if doc["kind"] == "RayJob" and doc["spec"].get("submissionMode", BY_A_POD) == BY_A_POD:
        return [(doc["spec"].get("submitterPodTemplate") or {}).get("spec") or {}]
    return []


def pods_of(callers: Collection[Caller], pods: Iterable[Pod]) -> frozenset[str]:
    """Return the names of the pods that run as one of them."""
    return frozenset(pod.name for pod in pods if Caller(pod.namespace, pod.service_account) in callers)
