"""For each rule a manifest that it is meant for, and a near miss that it must leave alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raymesh.generate.manifests import Plan, as_yaml, cluster, service
from raymesh.manifests.relating import Options
from raymesh.ports import contract

DEFAULTS = Options()
PLAN = Plan(contract("2.60.0"), name="mine")
CLEAN = as_yaml(service(PLAN), cluster(PLAN))
OLD = Plan(contract("2.10.0"), name="mine")
OLD_CLEAN = as_yaml(service(OLD), cluster(OLD))
UNMESHED = """\
apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: plain}
spec:
  rayVersion: '2.46.0'
  headGroupSpec:
    rayStartParams: {}
    template: {spec: {containers: [{name: ray, image: 'rayproject/ray:2.46.0'}]}}
"""
STRICT = """\
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec:
  mtls: {mode: STRICT}
"""
MINE = "  selector: {matchLabels: {ray.io/cluster: mine}}\n"
OPERATOR = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: kuberay-operator}
spec:
  template:
    spec:
      containers:
      - name: operator
        image: quay.io/kuberay/operator:v1.1.0
        env:
        - {name: ENABLE_INIT_CONTAINER_INJECTION, value: 'true'}
"""
POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ray, namespace: default}
spec:
  action: ALLOW
  rules:
  - from: [{source: {namespaces: [default]}}]
  - to: [{operation: {ports: ['6379']}}]
"""


@dataclass(frozen=True)
class Example:
    """A text, and what the person who lints knows beyond it."""

    text: str
    options: Options = DEFAULTS


def change(old: str, new: str, text: str = CLEAN, count: int = 1) -> Example:
    """The clean manifest with one piece replaced; the piece has to be there."""
    assert old in text, old
    return Example(text.replace(old, new, count))


def with_environment(name: str, value: str, text: str = CLEAN) -> Example:
    """The clean manifest with a variable in the head's container."""
    return change("name: ray-head\n", f"name: ray-head\n          env: [{{name: {name}, value: '{value}'}}]\n", text)


def with_head_param(line: str, text: str = CLEAN) -> Example:
    """The clean manifest with one more parameter of the head."""
    return change("      num-cpus: '1'\n", f"      num-cpus: '1'\n      {line}\n", text)


def both(change_text: Callable[[str], str], text: str = CLEAN) -> Example:
    """The clean manifest with something done to all of it."""
    changed = change_text(text)
    assert changed != text
    return Example(changed)


def entry(name: str, number: int, protocol: str) -> str:
    """One entry of the Service as it is printed."""
    return f"  - name: {name}\n    port: {number}\n    appProtocol: {protocol}\n"


NODE_MANAGER = entry("node-manager-port", 6380, "grpc")
ADDRESS = "mine-headless-svc.default.svc.cluster.local"
HEAD_LABELS = "labels:\n          app: mine\n"

RED: dict[str, Example] = {
    "RM000": Example("kind: RayCluster\nmetadata: [\n"),
    "RM001": change(NODE_MANAGER, ""),
    "RM002": change(NODE_MANAGER, NODE_MANAGER + entry("p10013", 10013, "grpc")),
    "RM003": change(NODE_MANAGER, NODE_MANAGER + entry("again", 6380, "grpc")),
    "RM004": change(entry("p10007", 10007, "grpc"), ""),
    "RM005": both(lambda t: t.replace("max-worker-port: '10012'", "max-worker-port: '19999'")),
    "RM006": both(lambda t: t.replace("num-cpus: '1'", "num-cpus: '10'")),
    "RM007": change("node-manager-port: '6380'", "node-manager-port: '6390'"),
    "RM008": change(NODE_MANAGER, entry("node-manager-port", 6380, "http")),
    "RM009": change(NODE_MANAGER, "  - name: node-manager-port\n    port: 6380\n"),
    "RM010": change(NODE_MANAGER, NODE_MANAGER + "    protocol: UDP\n"),
    "RM011": change(NODE_MANAGER, NODE_MANAGER + "    targetPort: 6400\n"),
    "RM012": change("name: node-manager-port", "name: Node_Manager"),
    "RM013": Example(as_yaml(cluster(PLAN))),
    "RM014": change("ray.io/cluster: mine", "ray.io/cluster: other"),
    "RM015": change("  clusterIP: None\n", ""),
    "RM016": change("  publishNotReadyAddresses: true\n", ""),
    "RM017": change(ADDRESS, "other-svc.default.svc.cluster.local"),
    "RM018": change("  clusterIP: None\n", "  clusterIP: None\n  ipFamilyPolicy: PreferDualStack\n"),
    "RM019": change("$(hostname", "\\$(hostname"),
    "RM020": with_head_param("node-manger-port: '1'"),
    "RM021": with_head_param("dashboard-grpc-port: '6384'"),
    "RM022": change("      node-manager-port: '6380'\n", ""),
    "RM023": change("      max-worker-port: '10012'\n", ""),
    "RM024": change("node-manager-port: '6380'", "node-manager-port: 6380"),
    "RM025": with_head_param("num-cpus: '2'"),
    "RM026": both(lambda t: t.replace("object-manager-port: '6381'", "object-manager-port: '6380'")),
    "RM027": change(HEAD_LABELS, "labels: {}\n"),
    "RM028": Example(OLD_CLEAN),
    "RM029": Example(f"{CLEAN}---\n{STRICT}---\n{OPERATOR}"),
    "RM030": Example(f"{CLEAN}---\n{POLICY}"),
    "RM031": with_environment("RAY_USE_TLS", "1"),
    "RM032": with_environment("RAY_SERVE_USE_GRPC_BY_DEFAULT", "1"),
    "RM033": Example(f"{CLEAN}---\n{STRICT}{MINE}  portLevelMtls: {{6380: {{mode: PERMISSIVE}}}}\n"),
    "RM034": change(
        HEAD_LABELS,
        f"annotations: {{traffic.sidecar.istio.io/excludeInboundPorts: '6381'}}\n        {HEAD_LABELS}",
    ),
    "RM035": change(HEAD_LABELS, HEAD_LABELS + "          sidecar.istio.io/inject: 'false'\n"),
    "RM036": change("  headGroupSpec:", "  enableInTreeAutoscaling: true\n  headGroupSpec:", OLD_CLEAN),
    "RM037": both(lambda t: t.replace("2.60.0", "2.11.0")),
    "RM038": change("rayVersion: 2.60.0", "rayVersion: 2.55.0"),
    "RM040": change("hostname -I | tr -d ' ' |", "hostname -I |"),
    "RM039": both(lambda t: t.replace("2.60.0", "2.61.0")),
    "RM041": Example(f"{CLEAN}---\n{CLEAN}"),
    "RM042": change("kind: RayCluster", "kind: Raycluster"),
    "RM043": change("    rayStartParams:\n", "    rayStartParam:\n"),
    "RM044": Example(f"# raymesh: ignore RM008\n{CLEAN}"),
    "RM045": Example(f"# raymesh: ignore RM008 because it never is\n{CLEAN}"),
}

# What comes close and is right. A rule without an entry is held against the clean manifest alone.
NEAR: dict[str, Example] = {
    "RM000": Example("kind: RayCluster\nmetadata: []\n---\nkind: Whatever\n"[24:]),
    "RM001": change("kind: Service", "kind: Service  # comments change nothing"),
    "RM002": change(NODE_MANAGER, NODE_MANAGER + entry("gcs", 6379, "tcp")),
    "RM003": change(NODE_MANAGER, NODE_MANAGER + entry("again", 6400, "grpc")),
    "RM005": both(lambda t: t.replace("max-worker-port: '10012'", "max-worker-port: '10201'")),
    "RM006": both(lambda t: t.replace("num-cpus: '1'", "num-cpus: '9'")),
    "RM008": change(NODE_MANAGER, entry("node-manager-port", 6380, "http2")),
    "RM009": change(NODE_MANAGER, "  - name: grpc-node-manager\n    port: 6380\n"),
    "RM010": change(NODE_MANAGER, NODE_MANAGER + "    protocol: TCP\n"),
    "RM011": change(NODE_MANAGER, NODE_MANAGER + "    targetPort: 6380\n"),
    "RM013": Example(UNMESHED),
    "RM014": change("ray.io/cluster: mine", "ray.io/cluster: mine\n    ray.io/is-ray-node: 'yes'"),
    "RM017": change(ADDRESS, "mine-headless-svc.$NAMESPACE.svc.example.org"),
    "RM018": Example(
        CLEAN.replace("  clusterIP: None\n", "  clusterIP: None\n  ipFamilyPolicy: PreferDualStack\n").replace(
            r"tr -d ' ' | sed 's/\./-/g'", "cut -d' ' -f1 | sed 's/[.:]/-/g'"
        )
    ),
    "RM020": with_head_param("log-color: 'false'"),
    "RM021": with_head_param("dashboard-grpc-port: '6384'", OLD_CLEAN),
    "RM022": change("      metrics-export-port: '8080'\n", ""),
    "RM023": change("max-worker-port: '10012'", "worker-port-list: '10002,10003,10004'"),
    "RM028": Example(as_yaml(cluster(Plan(contract("2.45.0"), name="mine")))),
    "RM029": Example(f"{CLEAN}---\n{STRICT}---\n{OPERATOR}", Options(istio=(1, 28), kubernetes=(1, 33))),
    "RM030": Example(f"{CLEAN}---\n{POLICY.replace('  - to', '    to')}"),
    "RM031": both(
        lambda t: with_environment("RAY_USE_TLS", "1", t).text.replace("appProtocol: grpc", "appProtocol: tcp")
    ),
    "RM032": with_environment("RAY_SERVE_USE_GRPC_BY_DEFAULT", "0"),
    "RM033": Example(f"{CLEAN}---\n{STRICT}{MINE}  portLevelMtls: {{8265: {{mode: PERMISSIVE}}}}\n"),
    "RM034": change(
        HEAD_LABELS,
        f"annotations: {{traffic.sidecar.istio.io/excludeInboundPorts: '9090'}}\n        {HEAD_LABELS}",
    ),
    "RM036": change("  headGroupSpec:", "  enableInTreeAutoscaling: true\n  headGroupSpec:"),
    "RM037": both(lambda t: t.replace("2.60.0", "2.38.0")),
    "RM038": both(lambda t: t.replace("rayproject/ray:2.60.0", "rayproject/ray:nightly")),
    "RM040": change("hostname -I | tr -d ' ' |", "hostname -I | cut -d' ' -f1 |"),
    "RM041": Example(f"{CLEAN}---\n{CLEAN.replace('namespace: default', 'namespace: other')}"),
    "RM042": Example(
        "apiVersion: ray.io/v1\nkind: RayCronJob\nmetadata: {name: nightly}\nspec: {schedule: '0 3 * * *'}\n"
    ),
    "RM043": change("    rayStartParams:\n", "    labels: {}\n    rayStartParams:\n"),
    "RM044": change(
        "node-manager-port: '6380'", "node-manager-port: 6380 # raymesh: ignore RM024 because it is read so"
    ),
    "RM045": change(
        "node-manager-port: '6380'", "node-manager-port: 6380 # raymesh: ignore RM024 because it is read so"
    ),
}
