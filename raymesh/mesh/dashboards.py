"""The pages that the guide ends with: Kiali, Jaeger, Prometheus and Ray, on loopback, at the guide's own addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlencode

from raymesh.errors import CommandError, UsageError
from raymesh.mesh.found import KINDS, Found
from raymesh.platform.kube import Kube
from raymesh.witness.http import Http, NoAnswer

RAY = "ray"
LOCAL: Mapping[str, int] = {"kiali": 20001, "jaeger": 16686, "prometheus": 9090, RAY: 8265}
TITLES: Mapping[str, str] = {"kiali": "Kiali", "jaeger": "Jaeger", "prometheus": "Prometheus", RAY: "Ray's dashboard"}
# An image made here has what the package registries have of its program.
WHY_NO_PAGES: Mapping[str, str] = {
    "kiali": "its console is a front-end build of its own, which Kiali's Go module does not have",
    "jaeger": "its UI is a front-end build of its own, which Jaeger's Go module does not have",
    "prometheus": "its UI is a front-end build of its own, which Debian's package does not have",
    RAY: "its pages come with ray[default], and this image has none",
}


@dataclass(frozen=True)
class Target:
    """Where a dashboard is in the cluster, and the page of it that the guide opens.

    `roots` are the paths below which it may be served, the first that answers at `asked` is taken.
    """

    name: str
    namespace: str
    service: str
    port: int
    roots: Sequence[str]
    asked: str
    path: str


@dataclass(frozen=True)
class Opened:
    """A dashboard that can be looked at as long as its way is open; `problem` says why it can't, or has no pages."""

    name: str
    url: str
    api: str = ""
    problem: str = ""


def subject_of(kube: Kube, running: tuple[str, str] | None) -> tuple[str, str]:
    """Return namespace and name of the RayCluster. Raises UsageError where there is none, or it is not clear which."""
    listed = json.loads(kube.kubectl("get", "rayclusters", "--all-namespaces", "--output", "json").stdout)["items"]
    found = sorted((one["metadata"]["namespace"], one["metadata"]["name"]) for one in listed)
    if running in found:
        return running
    names = ", ".join("/".join(one) for one in found) or "none"
    if running:
        raise UsageError(f"there is no RayCluster {'/'.join(running)} in this cluster, which has {names}")
    if len(found) != 1:
        raise UsageError(f"which RayCluster? --running NAMESPACE/NAME says it; this cluster has {names}")
    return found[0]


def targets(found: Found, services: Sequence[Mapping[str, object]], namespace: str, name: str) -> list[Target]:
    """Return what there is to open for a RayCluster; `services` are those of its namespace, as kubectl has them."""
    paths = {
        "kiali": f"/console/namespaces/{namespace}/workloads/{name}?duration=60&refresh=60000&tab=info",
        "jaeger": f"/search?limit=1000&lookback=1h&maxDuration&minDuration&service={name}.{namespace}",
        "prometheus": "/graph?"
        + urlencode({"g0.expr": f'istio_requests_total{{destination_workload_namespace="{namespace}"}}', "g0.tab": 1}),
    }
    made = [
        Target(kind, addon.namespace, addon.service, addon.port, KINDS[kind].roots, KINDS[kind].asked, paths[kind])
        for kind, addon in found.addons.items()
    ]
    head = _head(services, name)
    return [*made, Target(RAY, namespace, *head, ("",), "/api/version", "/")] if head else made


def opened(stack: ExitStack, kube: Kube, target: Target) -> Opened:
    """Open the way to a dashboard, which stays open as long as `stack`, at the guide's port where that is free."""
    try:
        base = stack.enter_context(
            kube.port_forward(target.namespace, f"service/{target.service}", target.port, local=LOCAL[target.name])
        ).replace("127.0.0.1", "localhost")
    except CommandError as error:
        return Opened(target.name, "", problem=str(error).strip().splitlines()[-1])
    said: list[str] = []
    for root in target.roots:
        http = Http(base + root, lambda _name, _text: None)
        try:
            http.get(target.name, target.asked)
        except NoAnswer as error:
            said.append(str(error))
            continue
        url, api = base + root + target.path, base + root + target.asked
        return Opened(target.name, url, api, "" if _has_pages(http, target) else WHY_NO_PAGES[target.name])
    return Opened(target.name, "", problem="; ".join(said))


def _has_pages(http: Http, target: Target) -> bool:
    """Each of these pages is a program that a script starts; what takes the place of one has no script."""
    try:
        return "<script" in http.get(target.name, target.path)
    except NoAnswer:
        return False


def _head(services: Sequence[Mapping[str, object]], name: str) -> tuple[str, int] | None:
    """Return the head's Service, by the name that KubeRay gives it, and its port for the dashboard."""
    for service in services:
        if _field(service, "metadata", "name") != f"{name}-head-svc":
            continue
        ports = _field(service, "spec", "ports")
        for port in ports if isinstance(ports, list) else ():
            if port.get("name") == "dashboard":
                return f"{name}-head-svc", int(port["port"])
    return None


def _field(doc: Mapping[str, object], *keys: str) -> object:
    found: object = doc
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
