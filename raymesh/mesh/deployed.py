"""A subject on a cluster: applied, found by the name that KubeRay gave it, and waited for."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from raymesh.errors import EnvironmentFault, TerminalState, WaitTimeout
from raymesh.manifests.patching import Doc
from raymesh.mesh import absent
from raymesh.platform.kube import Kube
from raymesh.subject import CLUSTER_LABEL, GROUP_LABEL, TYPE_LABEL, Subject
from raymesh.subject.wanted import Wanted, named
from raymesh.waiting import wait_for
from raymesh.witness.pods import SIDECAR

NAME_GRACE = timedelta(seconds=30)  # a pod's name is in DNS a few seconds after its start
NOT_FOUND = 2  # getent's exit code
UNMADE_POLLS = 10  # two seconds each
RESOURCES = {"RayCluster": "rayclusters.ray.io", "RayJob": "rayjobs.ray.io", "RayService": "rayservices.ray.io"}


def clusters_of(kind: str, doc: Doc) -> list[str]:
    """Return the names of the RayClusters that an object of KubeRay's has by its status, the active one first.

    Read from apis/ray/v1 of KubeRay 1.1.0 to 1.6.0: rayjob_types.go, rayservice_types.go.
    """
    if kind == "RayCluster":
        return [str(doc["metadata"]["name"])]
    status = doc.get("status") or {}
    if kind == "RayJob":
        found = [status.get("rayClusterName")]
    else:
        found = [
            (status.get(key) or {}).get("rayClusterName") for key in ("activeServiceStatus", "pendingServiceStatus")
        ]
    return [str(name) for name in found if name]


def found(kube: Kube, wanted: Wanted, *, within: float, other_than: str = "") -> Subject:
    """Return the subject by the name of its RayCluster, as soon as KubeRay has made that and its head's Service.

    With the name of a RayCluster in `other_than`, of a RayService, it is the one that has taken over from that.
    Raises WaitTimeout where it does not.
    """
    subject = wanted.subject

    def names() -> list[str]:
        words = ("get", RESOURCES[subject.kind], wanted.owner, "-n", subject.namespace, "-o", "json")
        made = clusters_of(subject.kind, json.loads(kube.kubectl(*words).stdout))
        return [] if other_than and made[:1] == [other_than] else made

    unmade = _Unmade(kube, subject.kind, wanted.owner, subject.namespace)
    what = f"the RayCluster of {subject.kind} {wanted.owner}"
    name = wait_for(what, lambda: names() or unmade.stop(what), until=bool, within=within)[0]

    def services() -> list[str]:
        chosen = f"{CLUSTER_LABEL}={name},{TYPE_LABEL}=head"
        words = ("get", "services", "-n", subject.namespace, "-l", chosen, "-o", "jsonpath={.items[*].metadata.name}")
        return [one for one in kube.kubectl(*words).stdout.split() if one != subject.headless_service]

    what = f"the Service of the head of {name}"
    service = wait_for(what, lambda: services() or unmade.stop(what), until=bool, within=within)[0]
    return named(subject, name, service, owner="" if subject.kind == "RayCluster" else wanted.owner)


def wait(kube: Kube, subject: Subject, *, within: float) -> None:
    """Wait until every pod of the subject is Ready. Raises TerminalState, WaitTimeout."""
    most = sum(subject.counts(group)[1] for group in subject.groups)
    stuck = absent.Stuck(kube, subject.namespace)
    kube.wait_ready(
        subject.namespace,
        subject.selector,
        count=subject.size,
        most=most,
        within=within,
        hopeless=lambda pod: _nameless(kube, subject, pod) or _asked_elsewhere(subject, pod) or stuck.why(pod),
        absent=lambda: _absent(kube, subject),
    )


def ready(kube: Kube, subject: Subject, foretold: Sequence[str], *, within: float) -> None:
    """Wait as `wait` does. Raises EnvironmentFault where the subject is not Ready in time: what its pods said last.

    `foretold` are the linter's errors on it, which go first in the cure.
    """
    try:
        wait(kube, subject, within=within)
    except WaitTimeout as error:
        said = absent.last_words(kube, subject.namespace, subject.selector)
        cures = [
            *foretold,
            "look at what the pods say, in the bundle of this run: their logs, the namespace's events",
        ]
        raise EnvironmentFault("\n  ".join([str(error), *said]), "; ".join(cures)) from None


def _absent(kube: Kube, subject: Subject) -> str:
    """Why pods are not made: by the RayCluster, else by the RayJob or RayService that has it."""
    of_cluster = absent.reason(kube, "RayCluster", RESOURCES["RayCluster"], subject.name, subject.namespace)
    if of_cluster or not subject.owner:
        return of_cluster
    return absent.reason(kube, subject.kind, RESOURCES[subject.kind], subject.owner, subject.namespace)


@dataclass
class _Unmade:
    """Ends a wait for what KubeRay makes of an object, where KubeRay says for seconds that it can't."""

    kube: Kube
    kind: str
    owner: str
    namespace: str
    polls: int = 0

    def stop(self, what: str) -> list[str]:
        """Return nothing, or raise TerminalState."""
        why = absent.reason(self.kube, self.kind, RESOURCES[self.kind], self.owner, self.namespace)
        self.polls = self.polls + 1 if why else 0
        if self.polls >= UNMADE_POLLS:
            raise TerminalState(f"{what} is not made: {why}")
        return []


def _asked_elsewhere(subject: Subject, pod: Doc) -> str:
    """Say that a probe asks Ray on a port that nothing opens in this pod.

    KubeRay's own probes ask 52365 of every node whatever dashboard-agent-listen-port says (1.1.0, seen).
    """
    labels = pod["metadata"]["labels"]
    role, group = labels.get(TYPE_LABEL, ""), labels.get(GROUP_LABEL, "")
    container = _ray_container(pod)
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        for number in _probed(container.get(kind) or {}):
            known = number in subject.beside.get(group, {}) or any(
                port.holds(number) for port in subject.contract.ports if port.of(role, group)
            )
            if not known:
                return f"its {kind} asks localhost:{number}, and nothing opens that port: give Ray that number again"
    return ""


def _probed(probe: Doc) -> list[int]:
    """Return the ports of the pod itself that a probe's command asks."""
    words = " ".join((probe.get("exec") or {}).get("command") or [])
    return [int(number) for number in re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)", words)]


def _ray_container(pod: Doc) -> Doc:
    found: Doc = next(one for one in pod["spec"]["containers"] if one["name"] != SIDECAR)
    return found


def _nameless(kube: Kube, subject: Subject, pod: Doc) -> str:
    """Say that a pod does not find its own name, for which `ray start` waits without a word (ray 2.10.0, measured)."""
    if not subject.headless_service:
        return ""
    container = _ray_container(pod)["name"]
    states = {status["name"]: status["state"] for status in pod["status"].get("containerStatuses", [])}
    running = states.get(container, {}).get("running")
    if not running or datetime.now(UTC) - datetime.fromisoformat(running["startedAt"]) < NAME_GRACE:
        return ""
    name = subject.host(pod["status"]["podIP"])
    asked = ["getent", "hosts", name]
    done = kube.exec(pod["metadata"]["name"], asked, container=container, namespace=subject.namespace, check=False)
    if done.code != NOT_FOUND:
        return ""
    return (
        f"`ray start` waits for the node's own name, and DNS does not have {name}: the headless Service must select "
        "the pod and set publishNotReadyAddresses"
    )
