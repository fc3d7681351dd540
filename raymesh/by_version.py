"""What raymesh does otherwise for another version of a program: one named decision each, with where it was read.

Ports and flags of Ray, and what KubeRay makes of them, are in raymesh/ports.
"""

from __future__ import annotations

from raymesh.lane import Lane
from raymesh.ports import Version, parse_version
from raymesh.ports.kuberay import workers_need_gcs_by_node_name

FIRST_FIXED_ENVOY = (1, 22)  # Istio's minors
NO_DEFAULT_TRACER = (1, 22)
NAMED_BY_LABEL = (1, 30)
# What istioctl asks for at least, by Istio's minor (istioctl/pkg/install/k8sversion/version.go of 1.21.1 to 1.31.0).
ISTIO_WANTS = {(1, 21): Version(1, 26), (1, 28): Version(1, 30), (1, 30): Version(1, 32)}
FAILS_ON_CGROUP_V1 = Version(1, 35)
GUIDE_TASKS = 5000
SLOW_TASKS, TASKS_OF_SLOW = Version(2, 55), 1000


def needs_sanitize_te(lane: Lane) -> bool:
    """Whether the guide's runtime guard is needed: Envoy 1.29.3 keeps `te: trailers`, and later ones don't know it."""
    return lane.istio_minor < FIRST_FIXED_ENVOY


def names_a_collector(lane: Lane) -> bool:
    """Whether nothing is traced unless a collector is named (istio pkg/config/mesh/mesh.go)."""
    return lane.istio_minor >= NO_DEFAULT_TRACER


def names_by_label(istio: tuple[int, int]) -> bool:
    """Whether the tracing service takes its name from app.kubernetes.io/name, `kuberay` for every RayCluster.

    istio pkg/kube/labels/labels.go GetApp; an `app` label goes before it in every version.
    """
    return istio >= NAMED_BY_LABEL


def below_what_istio_wants(lane: Lane) -> str:
    """Say that Kubernetes is older than what Istio was released for; empty where it is not.

    No stop: Istio 1.31.0 runs green on Kubernetes 1.29.15.
    """
    since = [minor for minor in ISTIO_WANTS if minor <= lane.istio_minor]
    least = ISTIO_WANTS[max(since)] if since else Version(0, 0)
    if parse_version(lane.kubernetes) >= least:
        return ""
    return (
        f"Istio {lane.istio} is made for Kubernetes {least.major}.{least.minor} or newer, and this is {lane.kubernetes}"
    )


def declares_gcs(lane: Lane) -> bool:
    """Whether the guide's headless Service needs the GCS, too, for a driver on a worker."""
    return workers_need_gcs_by_node_name(parse_version(lane.kuberay))


def must_allow_cgroup_v1(kubernetes: str) -> bool:
    """Whether a kubelet ends on cgroup v1 unless it is told not to (kubernetes pkg/kubelet/apis/config/v1beta1).

    The field failCgroupV1 is there from 1.31 on, and true by itself from 1.35 on.
    """
    return parse_version(kubernetes) >= FAILS_ON_CGROUP_V1


def tasks_that_end(ray: str) -> int:
    """How many tasks the guide's one-liner is given: its own 5000, or as many as end within a run's deadline.

    Each task is a function of its own, and from some Ray on the cost of one grows with their number. Measured on 2
    CPUs: Ray 2.10.0 ends 5000 in 65 to 160 s, Ray 2.55.1 ends 1000 in 22 s, 2000 in 146 s and not 3000 in 300 s.
    """
    return TASKS_OF_SLOW if parse_version(ray) >= SLOW_TASKS else GUIDE_TASKS
