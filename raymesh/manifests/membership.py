"""Which pods are in the mesh, by the labels that Istio's webhooks and its CNI read.

Sources: manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml (which pods the injector is asked
about) and pkg/kube/inject/inject.go, injectRequired (what it answers), both of istio/istio 1.31.
"""

from __future__ import annotations

from enum import Enum

from raymesh.manifests.objects import Group
from raymesh.manifests.policies import Namespace
from raymesh.manifests.tree import Value

INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
INJECTION = "istio-injection"
DATAPLANE = "istio.io/dataplane-mode"


class Membership(Enum):
    """How the pods of a group take part in the mesh."""

    SIDECAR = "sidecar"
    AMBIENT = "ambient"
    OUT = "out"
    UNKNOWN = "unknown"  # their namespace is not in the input, or does not say


def asked(group: Group, space: Namespace | None) -> Membership:
    """What labels ask for, the network of the host left aside."""
    if _called(group, space):
        told = group.labels.get(INJECT) or group.annotations.get(INJECT)
        return Membership.OUT if told is not None and told.text == "false" else Membership.SIDECAR
    mode = group.labels.get(DATAPLANE) or (space.labels.get(DATAPLANE) if space else None)
    if mode is not None:
        return Membership.AMBIENT if mode.text == "ambient" else Membership.OUT
    return Membership.OUT if _refused(group, space) else Membership.UNKNOWN


def membership(group: Group, space: Namespace | None) -> Membership:
    """How the pods take part: those on the host's network never do."""
    return Membership.OUT if on_host_network(group) else asked(group, space)


def on_host_network(group: Group) -> bool:
    """Whether its pods use the network of their host."""
    return group.host_network is not None and group.host_network.true


def refusal(group: Group) -> Value | None:
    """What the pod template says against a sidecar; the label goes before the annotation."""
    told = group.labels.get(INJECT) or group.annotations.get(INJECT)
    if told is not None and told.text == "false":
        return told
    mode = group.labels.get(DATAPLANE)
    return mode if mode is not None and mode.text == "none" else None


def _called(group: Group, space: Namespace | None) -> bool:
    """Whether a webhook of Istio asks the injector about these pods."""
    label = group.labels.get(INJECT)
    if label is not None and label.text == "false":
        return False
    of_space = space.labels if space else {}
    if INJECTION in of_space:
        return of_space[INJECTION].text == "enabled"
    return REVISION in of_space or REVISION in group.labels or (label is not None and label.text == "true")


def _refused(group: Group, space: Namespace | None) -> bool:
    """Whether something says that these pods get no sidecar."""
    if refusal(group) is not None:
        return True
    return space is not None and INJECTION in space.labels and space.labels[INJECTION].text != "enabled"
