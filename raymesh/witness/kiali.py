"""Kiali 1.79 as a witness: its HTTP API, and the models that its answers become.

Kiali does not promise this API to anyone but its own console, so all that knows it is in this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raymesh.witness.fields import Field, optional_items, optional_text, read_json
from raymesh.witness.http import Http
from raymesh.witness.pods import SIDECAR

# Without service nodes, so that Ray's calls to itself are one edge from the workload to itself.
GRAPH_PARAMS = {
    "graphType": "workload",
    "appenders": "deadNode,securityPolicy",
    "injectServiceNodes": "false",
    "rateGrpc": "requests",
    "rateHttp": "requests",
    "rateTcp": "sent",
}
NODE_KINDS = ("aggregate", "app", "box", "service", "unknown", "workload")
PROTOCOLS = ("grpc", "http", "tcp")
TLS_STATES = ("MTLS_ENABLED", "MTLS_PARTIALLY_ENABLED", "MTLS_NOT_ENABLED", "MTLS_DISABLED")
SEVERITIES = ("error", "warning", "unknown")
MAX_PERCENT = 100.0

Severity = Literal["error", "warning", "unknown"]


@dataclass(frozen=True)
class Node:
    """A node of the graph. Workload and service are empty where Kiali knows none."""

    kind: str
    namespace: str
    workload: str
    service: str

    @property
    def name(self) -> str:
        return self.workload or self.service or self.kind

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}"


@dataclass(frozen=True)
class Edge:
    """Traffic of one protocol from one node to another."""

    source: Node
    target: Node
    protocol: str  # grpc, http or tcp; empty for an edge without traffic
    rate: float  # requests a second; bytes a second for tcp
    failed_percent: float  # 0-100, of the requests; Kiali omits it when 0
    mtls_percent: float  # 0-100, rounded by Kiali to whole percents; Kiali omits it when 0
    source_principal: str
    target_principal: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} ({self.protocol or 'no traffic'})"


@dataclass(frozen=True)
class Graph:
    """Who talked to whom in the `seconds` before `time` (epoch seconds)."""

    time: int
    seconds: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Pod:
    """A pod of a workload, as Kiali sees it."""

    name: str
    service_account: str
    sidecar_ready: bool


@dataclass(frozen=True)
class Workload:
    """A workload; `sidecar` is Kiali's word that every pod has one (also true where there are no pods)."""

    name: str
    kind: str
    sidecar: bool
    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Tls:
    """mTLS as the mesh's configuration has it: no traffic was looked at."""

    status: str
    auto: bool
    minimum: str


@dataclass(frozen=True)
class Check:
    """One remark of Kiali's on one object of Istio's configuration."""

    about: str  # kind/name.namespace
    code: str
    severity: Severity
    message: str

    def __str__(self) -> str:
        return f"{self.severity} {self.code} {self.about}: {self.message}"


@dataclass(frozen=True)
class Validations:
    """The objects that Kiali looked at, and what it had to say."""

    objects: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Status:
    """Kiali's own state and version, and those of what it relies on."""

    state: str
    version: str
    services: dict[str, str]


def parse_graph(text: str) -> Graph:
    root = read_json(text, "kiali graph")
    root["graphType"].one_of(("workload",))
    elements = root["elements"]
    nodes = {data["id"].text(): _node(data) for data in _data(elements["nodes"])}
    return Graph(
        time=root["timestamp"].integer(),
        seconds=root["duration"].integer(),
        nodes=tuple(nodes.values()),
        edges=tuple(_edge(data, nodes) for data in _data(elements["edges"])),
    )


def _data(wrappers: Field) -> list[Field]:
    return [wrapper["data"] for wrapper in wrappers.items()]


def _node(data: Field) -> Node:
    return Node(
        kind=data["nodeType"].one_of(NODE_KINDS),
        namespace=data["namespace"].text(),
        workload=optional_text(data, "workload"),
        service=optional_text(data, "service"),
    )


def _edge(data: Field, nodes: dict[str, Node]) -> Edge:
    traffic = data["traffic"]
    protocol_field = traffic.find("protocol")
    protocol = protocol_field.one_of(PROTOCOLS) if protocol_field else ""
    rates = traffic.find("rates")
    return Edge(
        source=_end(data["source"], nodes),
        target=_end(data["target"], nodes),
        protocol=protocol,
        rate=rates[protocol].number() if rates else 0.0,
        failed_percent=_failed(rates, protocol),
        mtls_percent=_percent(data.find("isMTLS")),
        source_principal=optional_text(data, "sourcePrincipal"),
        target_principal=optional_text(data, "destPrincipal"),
    )


def _failed(rates: Field | None, protocol: str) -> float:
    found = rates.find(f"{protocol}PercentErr") if rates else None
    return found.number() if found else 0.0


def _end(node_id: Field, nodes: dict[str, Node]) -> Node:
    if node_id.text() not in nodes:
        raise node_id.unreadable("the id of a node of this graph")
    return nodes[node_id.text()]


def _percent(field: Field | None) -> float:
    if field is None:
        return 0.0
    if not 0 < field.number() <= MAX_PERCENT:
        raise field.unreadable("a percentage above 0 and up to 100")
    return field.number()


def parse_workload(text: str) -> Workload:
    root = read_json(text, "kiali workload")
    return Workload(
        name=root["name"].text(),
        kind=root["type"].text(),
        sidecar=root["istioSidecar"].flag(),
        pods=tuple(_pod(pod) for pod in optional_items(root, "pods")),
    )


def _pod(pod: Field) -> Pod:
    # A native sidecar stands among the init containers (Kiali 1.79, models/pod.go).
    proxies = [
        *optional_items(pod, "istioContainers"),
        *(c for c in optional_items(pod, "istioInitContainers") if c["name"].text() == SIDECAR),
    ]
    return Pod(
        name=pod["name"].text(),
        service_account=pod["serviceAccountName"].text(),
        sidecar_ready=bool(proxies) and all(proxy["isReady"].flag() for proxy in proxies),
    )


def parse_tls(text: str) -> Tls:
    root = read_json(text, "kiali tls")
    return Tls(
        status=root["status"].one_of(TLS_STATES),
        auto=root["autoMTLSEnabled"].flag(),
        minimum=root["minTLS"].text(),
    )


def parse_validations(text: str) -> Validations:
    root = read_json(text, "kiali istio")
    objects: list[str] = []
    checks: list[Check] = []
    for kind, group in root["validations"].entries().items():
        for name, validation in group.entries().items():
            objects.append(f"{kind}/{name}")
            checks += [_check(check, f"{kind}/{name}") for check in optional_items(validation, "checks")]
            if not validation["valid"].flag() and not any(c.about == f"{kind}/{name}" for c in checks):
                raise validation.unreadable("a reason for what is not valid")
    return Validations(tuple(objects), tuple(checks))


def _check(check: Field, about: str) -> Check:
    severity: Severity = check["severity"].one_of(SEVERITIES)  # type: ignore[assignment]  # one_of checked it
    return Check(about, check["code"].text(), severity, check["message"].text())


def parse_status(text: str) -> Status:
    root = read_json(text, "kiali status")
    state = root["status"]
    return Status(
        state=state["Kiali state"].text(),
        version=state["Kiali version"].text(),
        services={s["name"].text(): optional_text(s, "version") for s in root["externalServices"].items()},
    )


class Kiali:
    """Kiali's HTTP API; `http` ends where Kiali's web root begins (`/kiali` in Istio's addon)."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def graph(self, namespace: str, seconds: int) -> Graph:
        params = GRAPH_PARAMS | {"namespaces": namespace, "duration": f"{seconds}s"}
        return parse_graph(self.http.get("kiali-graph", "/api/namespaces/graph", params))

    def workload(self, namespace: str, name: str) -> Workload:
        path = f"/api/namespaces/{namespace}/workloads/{name}"
        return parse_workload(self.http.get("kiali-workload", path, {"health": "false"}))

    def namespace_tls(self, namespace: str) -> Tls:
        return parse_tls(self.http.get("kiali-namespace-tls", f"/api/namespaces/{namespace}/tls"))

    def mesh_tls(self) -> Tls:
        return parse_tls(self.http.get("kiali-mesh-tls", "/api/mesh/tls"))

    def validations(self, namespace: str) -> Validations:
        path = f"/api/namespaces/{namespace}/istio"
        return parse_validations(self.http.get("kiali-istio", path, {"validate": "true"}))

    def status(self) -> Status:
        return parse_status(self.http.get("kiali-status", "/api/status"))
