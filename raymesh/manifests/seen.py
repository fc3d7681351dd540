"""As what the proxy of a pod reads a port: HTTP, TCP, or what nobody can say."""

from __future__ import annotations

from raymesh.manifests.objects import Entry, Group
from raymesh.manifests.relating import Case, selects
from raymesh.ports import Port

_HTTP = ("http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws")
_TCP = ("tcp", "tls", "https", "mongo", "mysql", "redis", "kubernetes.io/wss")


def http_at(case: Case, group: Group, number: int, port: Port | None = None) -> bool | None:
    """Whether the proxies of a group read a port as HTTP, by all Services that declare it.

    KubeRay's head Service declares its ports as tcp. Without a waypoint a ztunnel reads none.
    """
    if case.ambient:
        return False
    port = port or case.owner_of(number)
    told = {
        reads_http(entry)
        for service in case.around.services.of(case.cluster)
        if selects(service, case.cluster, group)
        for entry in service.entries
        if _target(entry) == number
    }
    if group.role == "head" and port is not None and port.declared_in == "head-service":
        told.add(None if case.cluster.head_service is not None else False)
    return told.pop() if len(told) == 1 else None


def _target(entry: Entry) -> int | None:
    return entry.target.number if entry.target is not None else entry.number.number


def reads_http(entry: Entry) -> bool | None:
    """Whether Istio reads the port as HTTP by what the entry says; None where it says nothing."""
    if entry.app_protocol is not None:
        word = entry.app_protocol.text.lower()
    else:
        name = entry.name.text if entry.name else ""
        word = "grpc-web" if name.startswith("grpc-web") else name.partition("-")[0]
    return True if word in _HTTP else False if word in _TCP else None
