"""Who is behind a Service, by Kubernetes' EndpointSlices: pods that it chooses, and addresses that somebody wrote."""

from __future__ import annotations

from dataclasses import dataclass

from raymesh.witness.fields import Field, optional_flag, optional_items, optional_text, read_json

# Label of a slice (k8s.io/api/discovery/v1, LabelServiceName, v0.29 to v0.36).
SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True)
class Endpoint:
    """One address behind a Service; `pod` is empty where a slice names none."""

    address: str
    pod: str

    def __str__(self) -> str:
        return self.pod or self.address


def parse_endpoints(text: str) -> tuple[Endpoint, ...]:
    """Read a list of EndpointSlices, without what is on its way out. Raises Unreadable."""
    slices = read_json(text, "EndpointSlices")["items"].items()
    return tuple(
        Endpoint(address.text(), _pod(endpoint))
        for each in slices
        for endpoint in optional_items(each, "endpoints")
        if not _terminating(endpoint)
        for address in endpoint["addresses"].items()
    )


def _terminating(endpoint: Field) -> bool:
    conditions = endpoint.find("conditions")
    return optional_flag(conditions, "terminating") if conditions else False


def _pod(endpoint: Field) -> str:
    target = endpoint.find("targetRef")
    return optional_text(target, "name") if target and optional_text(target, "kind") == "Pod" else ""
