"""Hostile inputs: in a mesh or not, API groups, other namespaces, parts of objects, objects twice, precedence."""

from __future__ import annotations

import yaml

from tests.unit.lint.examples import CLEAN, UNMESHED
from tests.unit.lint.hostile import beside, case, files
from tests.unit.lint.mesh_examples import MINE, namespace, thing
from tests.unit.lint.test_policies import OWN, operation, policy

ENABLED, DISABLED = namespace({"istio-injection": "enabled"}), namespace({"istio-injection": "disabled"})
PLAIN = UNMESHED.replace("{name: plain}", "{name: plain, namespace: default}")
STRICT = thing("PeerAuthentication", {"mtls": {"mode": "STRICT"}})


def listed(text: str) -> str:
    """What an API answers that is asked for all clusters."""
    return yaml.safe_dump(
        {"apiVersion": "ray.io/v1", "kind": "RayClusterList", "items": list(yaml.safe_load_all(text))}
    )


RAY = "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: mine}\n"
CASES = {
    "plain": case("", PLAIN),
    "enabled": case("RM013 RM027", PLAIN, ENABLED),
    "ns twice other labels: enabled then disabled": case("RM041", PLAIN, ENABLED, DISABLED),
    "ns twice other labels: disabled then enabled": case("RM013 RM027 RM041", PLAIN, DISABLED, ENABLED),
    "ns twice the same": case("RM013 RM027", PLAIN, ENABLED, ENABLED),
    "ns twice, second bare": case("RM041", PLAIN, ENABLED, namespace({"x": "y"})),
    "ns twice no ray in it": beside(
        "", namespace({"istio-injection": "enabled"}, "web"), namespace({"istio-injection": "disabled"}, "web")
    ),
    "peer ns": case("RM013 RM027", PLAIN, STRICT),
    "peer other ns": case("", PLAIN, STRICT.replace("namespace: default", "namespace: other")),
    "peer root": case("", PLAIN, STRICT.replace("namespace: default", "namespace: istio-system")),
    "peer in plain, disabled ns": case("", PLAIN, STRICT, DISABLED),
    "foreign cluster": case("", PLAIN.replace("ray.io/v1", "compute.io/v1"), ENABLED),
    "foreign peer": case("", PLAIN, STRICT.replace("security.istio.io/v1", "security.linkerd.io/v1")),
    "authentication.istio.io old": case(
        "", PLAIN, STRICT.replace("security.istio.io/v1", "authentication.istio.io/v1alpha1")
    ),
    "knative Service": beside(
        "",
        (
            "apiVersion: serving.knative.dev/v1\n"
            "kind: Service\n"
            "metadata: {name: x, namespace: default}\n"
            "spec: {template: {spec: {containers: [{image: x}]}}}\n"
        ),
    ),
    "gke Service": beside(
        "",
        (
            "apiVersion: serving.kserve.io/v1\n"
            "kind: Service\n"
            "metadata: {name: mine-headless-svc, namespace: default}\n"
            "spec: {ports: x}\n"
        ),
    ),
    "cilium NetworkPolicy": beside(
        "",
        (
            "apiVersion: crd.projectcalico.org/v1\n"
            "kind: NetworkPolicy\n"
            "metadata: {name: x, namespace: default}\n"
            "spec: {selector: all(), types: [Ingress], ingress: []}\n"
        ),
    ),
    "Sidecar of other group": beside(
        "",
        (
            "apiVersion: foo.example/v1\n"
            "kind: Sidecar\n"
            "metadata: {name: x, namespace: default}\n"
            "spec: {egress: [{hosts: [other/*]}]}\n"
        ),
    ),
    "policy in other ns same labels": beside("", policy(operation(ports=["6379"]), space="other")),
    "one policy two clusters": beside(
        "RM051", CLEAN.replace("mine", "two"), policy({"from": [OWN], **operation(ports=["6379"])}, selector=None)
    ),
    "dup object": beside("RM041", CLEAN),
    "gen name": case(
        "", CLEAN.replace("kind: RayCluster\nmetadata:\n  name: mine", "kind: RayCluster\nmetadata:\n  name: mine")
    ),
    "kustomize patch": files(
        "RM072",
        {
            "a/base/kustomization.yaml": "resources: [c.yaml]\n",
            "a/base/c.yaml": CLEAN,
            "a/over/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
            "a/over/p.yaml": RAY + 'spec: {headGroupSpec: {rayStartParams: {node-manager-port: "1"}}}\n',
        },
    ),
    "kustomize inline patch": files(
        "RM072",
        {
            "k/kustomization.yaml": (
                "resources: [c.yaml]\n"
                "patches:\n"
                "- patch: |-\n"
                "    - op: replace\n"
                "      path: /spec/x\n"
                "      value: y\n"
                "  target: {kind: RayCluster}\n"
            ),
            "k/c.yaml": CLEAN.replace("6380", "6399", 1),
        },
    ),
    "kustomize gather only": files(
        "RM001 RM002",
        {"k/kustomization.yaml": "resources: [c.yaml]\n", "k/c.yaml": CLEAN.replace("port: 6380", "port: 6399", 1)},
    ),
    "kustomize replacements": files(
        "RM072",
        {
            "k/kustomization.yaml": "resources: [c.yaml]\nreplacements: []\n",
            "k/c.yaml": CLEAN.replace("port: 6380", "port: 6399", 1),
        },
    ),
    "kustomize images": files(
        "RM072",
        {
            "k/kustomization.yaml": "resources: [c.yaml]\nimages: [{name: rayproject/ray, newTag: 2.46.0}]\n",
            "k/c.yaml": CLEAN,
        },
    ),
    "kustomize json6902 file": files(
        "RM072",
        {
            "k/kustomization.yaml": (
                "resources: [c.yaml]\npatchesJson6902: [{path: j.yaml, target: {kind: RayCluster}}]\n"
            ),
            "k/c.yaml": CLEAN,
            "k/j.yaml": "- op: add\n  path: /spec/x\n  value: RayCluster\n",
        },
    ),
    "kustomize strategic patch of worker only": files(
        "RM072",
        {
            "k/kustomization.yaml": "resources: [c.yaml]\npatchesStrategicMerge: [w.yaml]\n",
            "k/c.yaml": CLEAN,
            "k/w.yaml": RAY + "spec: {workerGroupSpecs: [{groupName: g, replicas: 3}]}\n",
        },
    ),
    "kustomize sets namespace": files(
        "",
        {
            "k/kustomization.yaml": "namespace: ml\nresources: [c.yaml]\n",
            "k/c.yaml": CLEAN.replace("  namespace: default\n", ""),
        },
    ),
    "lone patch": files(
        "RM072", {"p.yaml": RAY + "spec: {workerGroupSpecs: [{groupName: g, replicas: 3, rayStartParams: {}}]}\n"}
    ),
    "lone patch replicas null tmpl": files(
        "RM072", {"p.yaml": RAY + "spec: {headGroupSpec: {serviceType: NodePort}}\n"}
    ),
    "two envs in folders": files("", {"dev/c.yaml": CLEAN, "prod/c.yaml": CLEAN}),
    "peer other folder no ns": files(
        "", {"a/c.yaml": UNMESHED, "b/p.yaml": thing("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, space=None)}
    ),
    "list of objects": case(
        "", yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(yaml.safe_load_all(CLEAN))})
    ),
    "rayclusterlist": case(
        "",
        listed(UNMESHED),
    ),
    "rayclusterlist judged": case(
        "RM020",
        listed(UNMESHED.replace("rayStartParams: {}", 'rayStartParams: {nonsense: "1"}')),
    ),
    "kind unknown": case("RM042", UNMESHED.replace("kind: RayCluster", "kind: RayClusters")),
    "kind with api v2": case("", UNMESHED.replace("ray.io/v1", "ray.io/v2")),
    "crd itself": case(
        "",
        (
            "apiVersion: apiextensions.k8s.io/v1\n"
            "kind: CustomResourceDefinition\n"
            "metadata: {name: rayclusters.ray.io}\n"
            "spec: {group: ray.io, names: {kind: RayCluster}}\n"
        ),
    ),
    "workload over ns strict": beside(
        "RM033", STRICT, thing("PeerAuthentication", {"selector": MINE, "mtls": {"mode": "PERMISSIVE"}}, name="w")
    ),
    "unset workload": beside(
        "", STRICT, thing("PeerAuthentication", {"selector": MINE, "mtls": {"mode": "UNSET"}}, name="w")
    ),
    "permissive alone": beside("", thing("PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}})),
    "disable ns": beside("RM033", thing("PeerAuthentication", {"mtls": {"mode": "DISABLE"}})),
    "root strict ns permissive": beside(
        "RM033",
        thing("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, space="istio-system"),
        thing("PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}),
    ),
    "port level 8265": beside(
        "",
        thing(
            "PeerAuthentication",
            {"selector": MINE, "mtls": {"mode": "STRICT"}, "portLevelMtls": {8265: {"mode": "PERMISSIVE"}}},
        ),
    ),
    "port level 6379": beside(
        "RM033",
        thing(
            "PeerAuthentication",
            {"selector": MINE, "mtls": {"mode": "STRICT"}, "portLevelMtls": {6379: {"mode": "DISABLE"}}},
        ),
    ),
    "port level 6379 worker": beside(
        "",
        thing(
            "PeerAuthentication",
            {
                "selector": {"matchLabels": {"ray.io/node-type": "worker"}},
                "mtls": {"mode": "STRICT"},
                "portLevelMtls": {6379: {"mode": "DISABLE"}},
            },
        ),
    ),
    "port level mode lower": beside(
        "RM063", thing("PeerAuthentication", {"selector": MINE, "portLevelMtls": {6379: {"mode": "strict"}}})
    ),
    "peer two ns-wide": beside(
        "RM063", STRICT, thing("PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}, name="b")
    ),
    "peer unknown field": beside("RM063", thing("PeerAuthentication", {"mtls": {"mod": "STRICT"}})),
    "peer unknown spec field": beside("RM063", thing("PeerAuthentication", {"mtlsMode": "STRICT"})),
    "peer matchExpressions": beside(
        "RM063", thing("PeerAuthentication", {"selector": {"matchExpressions": []}, "mtls": {"mode": "STRICT"}})
    ),
}
