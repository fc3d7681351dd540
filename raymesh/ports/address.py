"""The name under which a Ray node registers: its pod's host name in the headless Service."""

from __future__ import annotations

ZONE = "cluster.local"


def node_address(service: str, namespace: str) -> str:
    """The guide's expression: the pod's only IPv4 address with dashes, then the Service's name."""
    return rf"$(hostname -I | tr -d ' ' | sed 's/\./-/g').{service}.{namespace}.svc.{ZONE}"


def node_address_dual_stack(service: str, namespace: str) -> str:
    """The same for pods with several addresses: the first one, IPv4 or IPv6."""
    return rf"$(hostname -I | cut -d' ' -f1 | sed 's/[.:]/-/g').{service}.{namespace}.svc.{ZONE}"
