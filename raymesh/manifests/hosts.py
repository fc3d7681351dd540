"""Names of hosts as Istio's networking kinds write them, against the Services of a cluster."""

from __future__ import annotations

from raymesh.frozen import frozen
from raymesh.manifests.access import fits
from raymesh.manifests.relating import Case
from raymesh.manifests.surroundings import DEFAULT_NAMESPACE

ZONE = "svc.cluster.local"
_HEAD_SUFFIX = "-head-svc"


@frozen
class Host:
    """A Service that Ray nodes dial."""

    name: str
    space: str
    for_head: bool  # KubeRay's Service of the head, not the headless one

    @property
    def full(self) -> str:
        """Its whole name."""
        return f"{self.name}.{self.space}.{ZONE}"


def hosts_of(case: Case) -> list[Host]:
    """The headless Services of a cluster, and its head Service where the name is known before it runs."""
    space = case.cluster.namespace or DEFAULT_NAMESPACE
    found = [Host(s.name.text, s.namespace or space, for_head=False) for s in case.services]
    if case.cluster.name_is_known:
        found.append(Host(case.cluster.name.text + _HEAD_SUFFIX, space, for_head=True))
    return found


def full_name(text: str, space: str | None) -> str:
    """A host as its kind's namespace makes it: a name without a dot is a Service of that namespace."""
    return f"{text}.{space or DEFAULT_NAMESPACE}.{ZONE}" if "." not in text and "*" not in text else text


def catches(pattern: str, host: Host) -> bool:
    """Whether a whole name, or a wildcard at its front, is this Service."""
    return fits(pattern, host.full)


def catches_pods(pattern: str, host: Host) -> bool:
    """Whether it is the names of the pods behind a headless Service."""
    return not host.for_head and pattern == f"*.{host.full}"
