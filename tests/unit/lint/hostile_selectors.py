"""Hostile inputs: selectors, names of nodes, families of addresses, ports of others in the pod, entries of Services."""

from __future__ import annotations

from typing import Any

import yaml

from tests.unit.lint.examples import CLEAN
from tests.unit.lint.hostile import DASHBOARD, GCS, beside, case, cluster, ports, replaced

MINE = {"ray.io/cluster": "mine"}
HEAD = {**MINE, "ray.io/node-type": "head"}
NAME = ".mine-headless-svc.default.svc.cluster.local"
DASHED = r"$(hostname -I | tr -d ' ' | sed 's/\./-/g')"
COREDNS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data:
  Corefile: |
    .:53 {
      kubernetes cluster.local {
        endpoint_pod_names
      }
    }
"""
OPERATOR = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: op}
spec:
  template:
    spec:
      containers:
      - name: o
        image: quay.io/kuberay/operator:v1.6.0
        env: [{name: CLUSTER_DOMAIN, value: corp.example}, {name: ENABLE_INIT_CONTAINER_INJECTION, value: 'false'}]
"""
HEADLESS, NODE = "  clusterIP: None\n", "  - name: node-manager-port\n    port: 6380\n"
OWN = {"name": "my-app", "port": 9999, "appProtocol": "http"}


def service(selector: Any, *listed: Any, space: str = "default", **spec: Any) -> str:
    told = {"ports": list(listed) or [{"name": "dashboard", "port": 8265}], **spec}
    metadata = {"name": "ui", "namespace": space}
    body = {"selector": selector, **told} if selector is not None else told
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": body})


def address(text: str, *, worker_only: bool = False) -> str:
    piece = {"params": {"node-ip-address": text}}
    return cluster(worker=piece) if worker_only else cluster(both=piece)


def families(text: str) -> str:
    return replaced((HEADLESS, f"{HEADLESS}  ipFamilies: {text}\n"))


def side(*numbers: int, **more: Any) -> str:
    listed = [{"containerPort": number, **more} for number in numbers]
    return cluster(head={"beside": [{"name": "app", "image": "nginx", "ports": listed}]})


CASES = {
    "the head by its type": beside("", service(HEAD)),
    "a type in capitals": beside("RM084", service({**MINE, "ray.io/node-type": "Head"})),
    "the group called head": beside("RM084", service({**MINE, "ray.io/group": "head"})),
    "the group called headgroup": beside("", service({**MINE, "ray.io/group": "headgroup"})),
    "a group that is not there": beside("RM084", service({**MINE, "ray.io/group": "workers"})),
    "the group of workers": beside("", service({**MINE, "ray.io/group": "small-group"})),
    "the identifier": beside("", service({"ray.io/identifier": "mine-head"})),
    "an identifier that is none": beside("RM084", service({"ray.io/identifier": "mine-headgroup"})),
    "a worker in the head's group": beside(
        "RM084", service({**MINE, "ray.io/node-type": "worker", "ray.io/group": "headgroup"})
    ),
    "a ray node, true": beside("RM084", service({**MINE, "ray.io/is-ray-node": "true"})),
    "another app": beside("RM084", service({**MINE, "app": "ray"})),
    "the app": beside("", service({**MINE, "app": "mine"})),
    "pods of others": beside("", service({"app": "web"})),
    "KubeRay's own label": beside("", service({**MINE, "app.kubernetes.io/created-by": "kuberay-operator"})),
    "a label that a chart or a webhook may give": beside("", service({**MINE, "app.kubernetes.io/instance": "x"})),
    "a cluster that is not in the input": beside("", service({"ray.io/cluster": "other"})),
    "another namespace": beside("", service(MINE, space="tools")),
    "KubeRay's label for Serve": beside("", service({**MINE, "ray.io/serve": "true"})),
    "no selector": beside("", service(None)),
    "an external name": beside("", service(None, type="ExternalName", externalName="x.example.test")),
    "a target by a name that nobody lists": beside("RM086", service(MINE, {"port": 80, "targetPort": "dashboard"})),
    "a target by the name that KubeRay adds": beside("", service(MINE, {"port": 80, "targetPort": "metrics"})),
    "a target by its number": beside("", service(HEAD, {"port": 80, "targetPort": 8265})),
    "a Service for clients": beside("", service(HEAD, {"name": "c", "port": 10001})),
    "nodes' Service, for the head alone": case(
        "RM014", replaced(("    ray.io/cluster: mine\n", "    ray.io/cluster: mine\n    ray.io/node-type: head\n"))
    ),
    "nodes' Service, misspelt": case("RM014", replaced(("ray.io/cluster: mine", "ray.io/cluster: mien"))),
    "nodes' Service elsewhere": case(
        "RM014 RM017", replaced(("headless-svc\n  namespace: default", "headless-svc\n  namespace: other"))
    ),
    "nodes' Service without a selector": case("RM014", replaced(("  selector:\n    ray.io/cluster: mine\n", ""))),
    "no zone": case("", address(DASHED + NAME.removesuffix(".cluster.local"))),
    "another zone at one group": case(
        "RM087", address(DASHED + ".mine-headless-svc.default.svc.corp.example", worker_only=True)
    ),
    "another zone at all": case("", address(DASHED + ".mine-headless-svc.default.svc.corp.example")),
    "a dot behind the zone": case("", address(DASHED + NAME + ".")),
    "another Service's name": case("RM017", address(DASHED + ".mine-svc.default.svc.cluster.local")),
    "another namespace's name": case("RM017", address(DASHED + ".mine-headless-svc.ml.svc.cluster.local")),
    "the namespace in a variable": case("", address(DASHED + ".mine-headless-svc.$(POD_NAMESPACE).svc.cluster.local")),
    "all in variables": case("", address(DASHED + ".${SVC}.$NS.svc.cluster.local")),
    "an address alone": case("RM017", address("$(hostname -I)")),
    "the name of a pod": case("RM017", address(DASHED + ".default.pod.cluster.local")),
    "a space that stays": case("RM040", address(r"$(hostname -I | sed 's/\./-/g')" + NAME)),
    "dots that stay": case("RM017", address("$(hostname -I | tr -d ' ')" + NAME)),
    "dots of a variable": case("RM017", address("$POD_IP" + NAME)),
    "dots of an address": case("RM017", address("10.0.0.7" + NAME)),
    "dots that tr makes dashes": case("", address("$(hostname -i | tr '.' '-')" + NAME)),
    "dots that bash makes dashes": case("", address("${POD_IP//./-}" + NAME)),
    "a name by hostname": case("", address("$(hostname)" + NAME)),
    "a dollar with a backslash": case("RM019", address("\\" + DASHED + NAME)),
    "IPv6": case("RM088", families("[IPv6]")),
    "both families": case("RM018", families("[IPv4, IPv6]")),
    "both families, IPv6 first": case("RM018 RM088", families("[IPv6, IPv4]")),
    "both families where there are": case(
        "RM018", replaced((HEADLESS, f"{HEADLESS}  ipFamilyPolicy: PreferDualStack\n"))
    ),
    "IPv4": case("", families("[IPv4]")),
    "a flag at a port of the sidecar": case(
        "RM001 RM002 RM090", cluster(both={"params": {"node-manager-port": "15001"}})
    ),
    "a range over a port of the sidecar": case(
        "RM002 RM004 RM090", cluster(both={"params": {"min-worker-port": "15010", "max-worker-port": "15025"}})
    ),
    "Ray's container at a port of the sidecar": case(
        "RM090", cluster(head=ports(GCS, DASHBOARD, {"containerPort": 15090}))
    ),
    "another container at a port of the sidecar": case("RM090", side(15021)),
    "the proxy's own ports": case(
        "", cluster(head={"beside": [{"name": "istio-proxy", "image": "auto", "ports": [{"containerPort": 15090}]}]})
    ),
    "another container at the dashboard's port": case("RM091", side(8265)),
    "another container at a worker port": case("RM091", side(10005)),
    "another container at the autoscaler's metrics": case("RM091", side(44217)),
    "another container elsewhere": case("", side(9999)),
    "another container's UDP": case("", side(8265, protocol="UDP")),
    "an application's port": case("RM002", replaced(("  ports:\n", f"  ports:\n  - {OWN}\n"))),
    "the sidecar's metrics": case(
        "", replaced(("  ports:\n", "  ports:\n  - {name: http-metrics, port: 15020, appProtocol: http}\n"))
    ),
    "DNS that names pods": beside("RM089", COREDNS),
    "DNS that would": beside("", COREDNS.replace("endpoint_pod_names", "# endpoint_pod_names")),
    "the operator's zone": beside("RM087", OPERATOR),
    "grpc in capitals": case("", replaced(("appProtocol: grpc", "appProtocol: GRPC"))),
    "http2": case("", replaced(("appProtocol: grpc", "appProtocol: http2"))),
    "h2c": case("", replaced(("appProtocol: grpc", "appProtocol: kubernetes.io/h2c"))),
    "tls": case("RM008", replaced(("appProtocol: grpc", "appProtocol: tls"))),
    "tcp": case("RM008", replaced(("appProtocol: grpc", "appProtocol: tcp"))),
    "no protocol": case("RM009", replaced((NODE + "    appProtocol: grpc\n", NODE))),
    "a protocol by the name": case(
        "", replaced((NODE + "    appProtocol: grpc\n", "  - name: grpc-node\n    port: 6380\n"))
    ),
    "a number twice": case("RM001 RM003", replaced(("port: 6381", "port: 6380"))),
    "UDP": case("RM010", replaced((NODE, NODE + "    protocol: UDP\n"))),
    "another target": case("RM011", replaced((NODE, NODE + "    targetPort: 6399\n"))),
    "an address of its own": case("RM015", replaced((HEADLESS, ""))),
    "none in small letters": case("RM015", replaced(("clusterIP: None", "clusterIP: none"))),
    "names of those that are ready": case("RM016", replaced(("  publishNotReadyAddresses: true\n", ""))),
    "right": case("", CLEAN),
}
