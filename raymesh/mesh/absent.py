"""Why pods of a subject are not there: what KubeRay, Jobs and ReplicaSets say that they were refused.

Reasons of events and status fields were read from controllers/ray of KubeRay 1.1.0, 1.3.2 and 1.6.0
(raycluster_controller.go, rayjob_controller.go, utils/constant.go), those of others from pkg/controller of Kubernetes.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from raymesh.deadlines import scaled
from raymesh.errors import CommandError
from raymesh.manifests.patching import Doc
from raymesh.platform import refusals
from raymesh.platform.kube import Kube, pod_state

# Of Warning events, those that say that something could not be made. Failed updates and deletions are tried again.
TELLING = re.compile(
    r"FailedToCreate\w+|FailedCreate\w*|PodReconciliationError|RayConfigError|Invalid\w+|\w+NotFound|ReplicaFailure"
    r"|RayServiceInitializingTimeout|\w*DeadlineExceeded|SubmissionFailed"
)
OWNERS = ("RayJob", "RayService", "RayCluster", "Job", "ReplicaSet", "StatefulSet", "Deployment")
OF_PODS = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
GROWING = frozenset({"TriggeredScaleUp", "Nominated", "Provisioned"})  # cluster-autoscaler, Karpenter: a node is coming
# Pods of before may have to go first, and istiod writes its root certificate into a new namespace.
LASTING_SECONDS = 30.0


def reason(kube: Kube, kind: str, resource: str, name: str, namespace: str) -> str:
    """Return why pods of an object of KubeRay's are not made, with the cure; empty where nobody says anything.

    `resource` is the plural of `kind` with its group. Raises nothing: who may not read events is told nothing.
    """
    try:
        words = ("get", resource, name, "-n", namespace, "--ignore-not-found", "-o", "json")
        text = kube.kubectl(*words).stdout
        if not text.strip():
            return f"{kind} {namespace}/{name} is not there any more: somebody deleted it"
        made = json.loads(text)
        told = [*_status(kind, made), *_events(events(kube, namespace), made)]
    except CommandError:
        return ""
    return refusals.explained(told[0]) if told else ""


def events(kube: Kube, namespace: str) -> list[Doc]:
    """Return the Warning events of a namespace, the newest first. Raises CommandError."""
    words = ("get", "events", "-n", namespace, "--field-selector", "type=Warning", "-o", "json")
    return sorted(json.loads(kube.kubectl(*words).stdout)["items"], key=last_seen, reverse=True)


def last_words(kube: Kube, namespace: str, selector: str) -> list[str]:
    """Return the newest Warning of each pod that is not Ready, by its name; nothing where events may not be read."""
    try:
        pods = json.loads(kube.pods_json(namespace, selector))["items"]
        found = events(kube, namespace)
    except CommandError:
        return []
    waiting = {pod["metadata"].get("uid"): pod["metadata"]["name"] for pod in pods if pod_state(pod) != "Ready"}
    told: dict[str, str] = {}
    for event in found:
        name = waiting.get(event["involvedObject"].get("uid"))
        if name:
            told.setdefault(name, f"{name}: {event['reason']}: {event.get('message', '')}")
    return list(told.values())


def last_seen(event: Doc) -> datetime:
    """Return when an event was seen last; controllers write it into one of four fields."""
    series = event.get("series") or {}
    fields = (
        *(series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime")),
        event["metadata"].get("creationTimestamp"),
    )
    return _time(next((field for field in fields if field), "1970-01-01T00:00:00Z"))


@dataclass
class Stuck:
    """Tells of pods of a namespace that were taken and do not start: no node has room, or a volume is missing."""

    kube: Kube
    namespace: str
    since: dict[tuple[str, bool], float] = field(default_factory=dict)  # when a pod was first seen so, by its uid

    def why(self, pod: Doc) -> str:
        """Return why a pod does not start and will not by itself, with the cure; empty where it may."""
        said = _unschedulable(pod)
        waits = any("waiting" in one["state"] for one in pod["status"].get("containerStatuses", []))
        if not said and not waits:
            return ""
        uid, now = pod["metadata"].get("uid", ""), time.monotonic()
        if now - self.since.setdefault((uid, bool(said)), now) < scaled(LASTING_SECONDS):
            return ""  # events are not asked for at every look at a pod that comes up
        try:
            about = ("get", "events", "-n", self.namespace, "--field-selector", f"involvedObject.uid={uid}")
            found = json.loads(self.kube.kubectl(*about, "-o", "json").stdout)["items"]
        except CommandError:
            found = []
        if said:
            grows = any(event.get("reason") in GROWING for event in found)
            return "" if grows else refusals.explained(f"not scheduled: {said}")
        return _mounting(found)


def _unschedulable(pod: Doc) -> str:
    conditions = pod["status"].get("conditions", [])
    mine = (one for one in conditions if (one["type"], one.get("reason")) == ("PodScheduled", "Unschedulable"))
    return next((one.get("message") or "no node takes it" for one in mine if one["status"] == "False"), "")


def _mounting(found: Iterable[Doc]) -> str:
    for event in found:
        first = event.get("firstTimestamp") or event["metadata"].get("creationTimestamp")
        lasted = (last_seen(event) - _time(first)).total_seconds() if first else 0.0
        if event.get("reason") in OF_PODS and lasted >= LASTING_SECONDS:
            return refusals.explained(f"{event['reason']}: {event.get('message', '')}")
    return ""


def _status(kind: str, made: Doc) -> list[str]:
    """What KubeRay wrote into the object: 1.1 a reason, newer ones conditions, a RayJob that it refuses its message."""
    status = made.get("status") or {}
    told = [
        f"{one.get('reason', '')}: {one.get('message', '')}"
        for one in status.get("conditions") or []
        if (one.get("type"), one.get("status")) == ("ReplicaFailure", "True")
    ]
    if kind == "RayCluster" and status.get("state") == "failed" and status.get("reason"):
        told.append(str(status["reason"]))
    if kind == "RayJob" and status.get("jobDeploymentStatus") in ("ValidationFailed", "Failed"):
        told.append(f"{status['jobDeploymentStatus']}: {status.get('reason', '')}: {status.get('message', '')}")
    return [f"{kind} {made['metadata']['name']}: {text}" for text in told]


def _events(found: Iterable[Doc], made: Doc) -> list[str]:
    """Events of the object and of what was made for it, by name; older ones are of another object of that name."""
    name, since = made["metadata"]["name"], _time(made["metadata"]["creationTimestamp"])
    return [
        f"{about['kind']} {about['name']}: {event['reason']}: {event.get('message', '')}"
        for event in found
        if (about := event["involvedObject"]).get("kind") in OWNERS
        and TELLING.fullmatch(event.get("reason", ""))
        and (about["name"] == name or about["name"].startswith(f"{name}-"))
        and last_seen(event) >= since
    ]


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
