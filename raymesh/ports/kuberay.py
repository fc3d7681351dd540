"""What KubeRay adds to a cluster, per version of the operator: read from its source, some of it seen on a cluster.

Sources are files of the module github.com/ray-project/kuberay/ray-operator, read in 1.1.0, 1.1.1, 1.2.2, 1.3.0, 1.3.2,
1.4.0, 1.4.2, 1.5.0, 1.5.1 and 1.6.0; 1.2.0 is not to be had, so a change between 1.1.1 and 1.2.2 is given to 1.2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raymesh.ports.versions import Version

HEADLESS_HEAD_SERVICE = Version(1, 2)
# In SidecarMode a container of this name submits the job from the head's pod (controllers/ray/utils/constant.go, 1.5).
SUBMITTER_CONTAINER = "ray-job-submitter"
# From which version on KubeRay knows a RayJob's submissionMode (apis/ray/v1/rayjob_types.go); 1.2.2 called the last but
# one UserMode.
SUBMISSION_MODES: Mapping[str, Version] = {
    "K8sJobMode": Version(1, 1),
    "HTTPMode": Version(1, 1),
    "InteractiveMode": Version(1, 3),
    "SidecarMode": Version(1, 5),
}


def head_service_is_headless(kuberay: Version) -> bool:
    """Whether the head's Service maps its name to the head's pod (controllers/ray/common/service.go)."""
    return kuberay >= HEADLESS_HEAD_SERVICE


def workers_need_gcs_by_node_name(kuberay: Version) -> bool:
    """Whether the headless Service of the nodes has to declare the GCS.

    A driver on a worker dials the GCS by the head node's own name. Where the head's Service has a cluster IP the mesh
    knows 6379 under that address only, the call leaves it in plaintext, and STRICT resets it: measured with 1.1.0 and
    Ray 2.10.0. A headless head Service declares the same pod's 6379: measured with 1.6.0 and Ray 2.46.0.
    """
    return not head_service_is_headless(kuberay)


# What KubeRay's head Service declares where the head's container lists no port (getDefaultPorts in common/service.go).
DEFAULT_HEAD_PORTS: Mapping[str, int] = {
    "client": 10001,
    "gcs-server": 6379,
    "dashboard": 8265,
    "metrics": 8080,
    "serve": 8000,
}


def head_service_ports(container_ports: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Ports of KubeRay's head Service by name: those of the head's container, else the defaults; metrics always.

    Read from getServicePorts and getPortsFromCluster of common/service.go, KubeRay 1.1.0 to 1.6.0.
    """
    ports = {name or f"{number}-port": number for name, number in container_ports} or dict(DEFAULT_HEAD_PORTS)
    ports.setdefault("metrics", DEFAULT_HEAD_PORTS["metrics"])
    return ports
