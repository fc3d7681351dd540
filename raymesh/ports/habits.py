"""What KubeRay does to every cluster, per version of the operator, for `ports diff --kuberay`.

Sources are files of the module github.com/ray-project/kuberay/ray-operator in the versions of READ. 1.2.0 is not to be
had: what differs between 1.1.1 and 1.2.2 is given to 1.2.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raymesh.errors import UsageError
from raymesh.ports.kuberay import HEADLESS_HEAD_SERVICE
from raymesh.ports.versions import Version

READ = tuple(
    Version(1, *one) for one in ((1, 0), (1, 1), (2, 2), (3, 0), (3, 2), (4, 0), (4, 2), (5, 0), (5, 1), (6, 0))
)
OLDEST_KUBERAY, NEWEST_KUBERAY = READ[0], READ[-1]
_FIRST = OLDEST_KUBERAY
_SERVICE, _POD = "controllers/ray/common/service.go", "controllers/ray/common/pod.go"
_CONSTANTS = "controllers/ray/utils/constant.go"

Topic = Literal["service", "port", "probe", "label", "param", "field"]


@dataclass(frozen=True)
class Habit:
    """One thing that the operator does: what, from which version on, read where, and seen on a cluster with which."""

    topic: Topic
    subject: str
    does: tuple[tuple[Version, str], ...]  # since when; rising. Before the first: nothing
    source: str
    seen: tuple[Version, ...] = ()

    def at(self, version: Version) -> str:
        """What this version does, empty where nothing."""
        return next((what for since, what in reversed(self.does) if version >= since), "")

    def known(self, *versions: Version) -> str:
        """How it is known of these versions: measured, or read in which files of which versions."""
        if set(versions) <= set(self.seen):
            return f"measured; {self.source}"
        return f"read in {', '.join(str(_read(version)) for version in versions)}: {self.source}"


def _read(version: Version) -> Version:
    """The version that was read and stands for this one: itself, or the next older one."""
    return max((one for one in READ if one <= version), default=OLDEST_KUBERAY)


HABITS: tuple[Habit, ...] = (
    Habit(
        "service",
        "of the head",
        ((_FIRST, "cluster IP"), (HEADLESS_HEAD_SERVICE, "headless, publishes pods that are not ready")),
        f"{_SERVICE} BuildServiceForHeadPod; a serviceType or ENABLE_RAY_HEAD_CLUSTER_IP_SERVICE keeps the cluster IP",
        (Version(1, 1), Version(1, 6)),
    ),
    Habit(
        "service",
        "6379 in the headless Service of the nodes",
        ((_FIRST, "needed by a driver on a worker"), (HEADLESS_HEAD_SERVICE, "not needed")),
        "follows from the head's Service",
        (Version(1, 1), Version(1, 6)),
    ),
    Habit(
        "service",
        "of multi-host groups",
        (
            (_FIRST, "CLUSTER-headless-worker-svc"),
            (Version(1, 2), "CLUSTER-headless-worker-svc, publishes pods that are not ready"),
            (Version(1, 4), "CLUSTER-headless, publishes pods that are not ready"),
        ),
        f"{_SERVICE} BuildHeadlessService..., {_CONSTANTS} HeadlessServiceSuffix; none where a Service has its label",
    ),
    Habit(
        "service",
        "of Serve",
        ((_FIRST, "the container port serve"), (Version(1, 6), "container ports serve and serve-*")),
        f"{_SERVICE} BuildServeService",
    ),
    Habit(
        "port",
        "6379 of the head's Service",
        ((_FIRST, "redis, tcp"), (Version(1, 3), "gcs-server, tcp")),
        f"{_SERVICE} getDefaultPorts; where the head's container lists ports, those alone",
    ),
    *(
        Habit("port", f"{number} of the head's Service", ((_FIRST, f"{name}, tcp"),), f"{_SERVICE} getDefaultPorts")
        for number, name in ((8000, "serve"), (8080, "metrics"), (8265, "dashboard"), (10001, "client"))
    ),
    Habit(
        "probe",
        "of the head",
        (
            (_FIRST, "wget of 52365 and 8265, 1 s"),
            (Version(1, 2), "wget of 52365 and 8265, 5 s"),
            (Version(1, 6), "wget of the ports in rayStartParams, 5 s; one HTTP request from Ray 2.53 on"),
        ),
        f"{_POD} initLivenessAndReadinessProbe",
    ),
    Habit(
        "probe",
        "of a worker",
        (
            (_FIRST, "wget of 52365, 1 s"),
            (Version(1, 2), "wget of 52365, 2 s"),
            (Version(1, 6), "wget of the port in rayStartParams, 2 s; one HTTP request from Ray 2.53 on"),
        ),
        f"{_POD} initLivenessAndReadinessProbe",
    ),
    *(
        Habit("label", name, ((_FIRST, value),), f"{_POD} labelPod")
        for name, value in (
            ("ray.io/cluster", "the cluster's name"),
            ("ray.io/node-type", "head or worker"),
            ("ray.io/group", "headgroup, or the group's name"),
            ("ray.io/is-ray-node", "yes"),
            ("app.kubernetes.io/name", "kuberay"),
            ("app.kubernetes.io/created-by", "kuberay-operator"),
        )
    ),
    *(
        Habit("param", name, ((_FIRST, value),), f"{_POD} setMissingRayStartParams")
        for name, value in (
            ("address", "of the head's Service, for workers"),
            ("dashboard-host", "0.0.0.0, for the head"),
            ("metrics-export-port", "8080"),
            ("dashboard-agent-listen-port", "52365"),
            ("block", "true, whatever is told"),
        )
    ),
    Habit(
        "param",
        "num-cpus",
        ((_FIRST, "limit of the container"), (Version(1, 3), "limit of the container, else its request")),
        f"{_POD} generateRayStartCommand",
    ),
    Habit("param", "memory", ((_FIRST, "limit of the container"),), f"{_POD} generateRayStartCommand"),
    Habit(
        "param",
        "num-gpus",
        ((_FIRST, "first limit whose name ends with gpu"), (Version(1, 3), "known accelerators of the limits")),
        f"{_POD} generateRayStartCommand",
    ),
    Habit("field", "authOptions", ((Version(1, 5), "Ray's token"),), "apis/ray/v1/raycluster_types.go"),
    Habit("field", "RayCronJob", ((Version(1, 6), "a kind of its own"),), "apis/ray/v1/raycronjob_types.go"),
)


def check_kuberay(version: Version) -> str:
    """A note on a version that is newer than those that were read, else nothing. Raises UsageError for an older one."""
    if version < OLDEST_KUBERAY:
        raise UsageError(f"KubeRay {version}: {OLDEST_KUBERAY} is the oldest one known")
    if version[:2] > NEWEST_KUBERAY[:2]:
        return f"KubeRay {version} is newer than {NEWEST_KUBERAY}, the newest one read: assuming the same"
    return ""
