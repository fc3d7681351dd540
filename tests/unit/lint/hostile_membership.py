"""Hostile inputs: what takes pods out of the mesh, keeps them out, or takes ports out of their sidecars."""

from __future__ import annotations

from tests.unit.lint.hostile import DASHBOARD, GCS, beside, case, cluster, ports
from tests.unit.lint.mesh_examples import namespace, pods

INJECT, TRAFFIC = "sidecar.istio.io/inject", "traffic.sidecar.istio.io/"
ENABLED, DISABLED = namespace({"istio-injection": "enabled"}), namespace({"istio-injection": "disabled"})
AMBIENT = namespace({"istio.io/dataplane-mode": "ambient"})
CASES = {
    "hostNetwork all": case("RM064 RM099", pods(spec={"hostNetwork": True})),
    "hostNetwork yes word": case(
        "RM064 RM099", pods(spec={"hostNetwork": True}).replace("hostNetwork: true", "hostNetwork: yes")
    ),
    "hostNetwork string": case("RM064 RM099", pods(spec={"hostNetwork": "true"}, only=1)),
    "hostNetwork in nested by alias": case("", pods(spec={"hostNetwork": False})),
    "uid 1337 pod": case("RM098", pods(spec={"securityContext": {"runAsUser": 1337}}, only=1)),
    "gid 1337 pod": case("RM098", pods(spec={"securityContext": {"runAsGroup": 1337}}, only=1)),
    "uid 1337 container": case("RM098", cluster(both={"ray": {"securityContext": {"runAsUser": 1337}}})),
    "uid 1000 container": case("", cluster(both={"ray": {"securityContext": {"runAsUser": 1000}}})),
    "fsGroup 1337": case("", pods(spec={"securityContext": {"fsGroup": 1337}})),
    "kube-system": case(
        "RM067",
        pods(labels={INJECT: "true"})
        .replace("namespace: default", "namespace: kube-system")
        .replace(".default.svc", ".kube-system.svc"),
    ),
    "label unquoted true": case("RM066", pods(labels={INJECT: True})),
    "annotation unquoted false": case("RM066", pods(annotations={INJECT: False}), ENABLED),
    "label false both": case("", pods(labels={INJECT: "false"})),
    "label false worker": case("RM035", pods(labels={INJECT: "false"}, only=1), ENABLED),
    "anno false worker": case("RM035", pods(annotations={INJECT: "false"}, only=1), ENABLED),
    "label true anno false": case("", pods(labels={INJECT: "true"}, annotations={INJECT: "false"})),
    "label false anno true": case(
        "RM035", pods(labels={INJECT: "false"}, annotations={INJECT: "true"}, only=0), ENABLED
    ),
    "anno true only, ns unlabelled": case("RM067", pods(annotations={INJECT: "true"}), namespace({"x": "y"})),
    "label True": case("RM067", pods(labels={INJECT: "True"}), namespace({"x": "y"})),
    "label yes in enabled ns": case("", pods(labels={INJECT: "yes"}), ENABLED),
    "label no in enabled ns": case("RM067", pods(labels={INJECT: "no"}), ENABLED),
    "label true in disabled ns": case("RM067", pods(labels={INJECT: "true"}), DISABLED),
    "rev label in disabled ns": case("RM067 RM070", pods(labels={"istio.io/rev": "x"}), DISABLED),
    "ns enabled and rev": beside("RM070", namespace({"istio-injection": "enabled", "istio.io/rev": "x"})),
    "ns rev default": beside("", namespace({"istio.io/rev": "default"})),
    "ns true word": beside("RM067", namespace({"istio-injection": "true"})),
    "ns Enabled word": beside("RM067", namespace({"istio-injection": "Enabled"})),
    "ns annotation": beside("RM067", namespace({}, annotations={"istio-injection": "enabled"})),
    "ns inject label": beside("RM067", namespace({INJECT: "true"})),
    "ns boolean": beside("RM066 RM067", namespace({"istio-injection": True})),
    "ambient ns": beside("RM069", AMBIENT),
    "ambient ns with waypoint": beside(
        "", namespace({"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "wp"})
    ),
    "ambient worker none": case("RM035 RM069", pods(labels={"istio.io/dataplane-mode": "none"}, only=1), AMBIENT),
    "ambient hostnetwork": case("RM064 RM069", pods(spec={"hostNetwork": True}, only=1), AMBIENT),
    "ambient ns, pods sidecar": case("", pods(labels={INJECT: "true"}), AMBIENT),
    "ambient pod label, ns none": case("RM069", pods(labels={"istio.io/dataplane-mode": "ambient"})),
    "ambient one group only": case(
        "RM035", pods(labels={"istio.io/dataplane-mode": "ambient"}, only=1), namespace({"x": "y"})
    ),
    "dataplane sidecar word": beside("RM067", namespace({"istio.io/dataplane-mode": "sidecar"})),
    "template grpc-agent": case("RM068", pods(annotations={"inject.istio.io/templates": "grpc-agent"})),
    "template gateway": case("RM068", pods(annotations={"inject.istio.io/templates": "gateway"})),
    "template sidecar,custom": case("", pods(annotations={"inject.istio.io/templates": "sidecar,custom"})),
    "template custom": case("", pods(annotations={"inject.istio.io/templates": "mine"})),
    "template as label": case("RM071", pods(labels={"inject.istio.io/templates": "grpc-agent"})),
    "excl in 6379 head": case("RM034", pods(annotations={TRAFFIC + "excludeInboundPorts": "6379"}, only=0)),
    "excl in 6379 worker": case("", pods(annotations={TRAFFIC + "excludeInboundPorts": "6379"}, only=1)),
    "excl out 6379 worker": case("RM034", pods(annotations={TRAFFIC + "excludeOutboundPorts": "6379"}, only=1)),
    "excl in 8265": case("", pods(annotations={TRAFFIC + "excludeInboundPorts": "8265"})),
    "excl in range": case("RM062", pods(annotations={TRAFFIC + "excludeInboundPorts": "10002-10012"})),
    "excl in star": case("RM062", pods(annotations={TRAFFIC + "excludeInboundPorts": "*"})),
    "incl in star": case("", pods(annotations={TRAFFIC + "includeInboundPorts": "*"})),
    "incl in empty": case("RM034", pods(annotations={TRAFFIC + "includeInboundPorts": ""})),
    "incl in few": case("RM034", pods(annotations={TRAFFIC + "includeInboundPorts": "8265, 6379"})),
    "incl out ranges empty": case("RM034", pods(annotations={TRAFFIC + "includeOutboundIPRanges": ""})),
    "incl out ranges other": case("", pods(annotations={TRAFFIC + "includeOutboundIPRanges": "10.0.0.0/8"})),
    "excl out ranges all": case("RM034", pods(annotations={TRAFFIC + "excludeOutboundIPRanges": "0.0.0.0/0"})),
    "excl out ranges bad": case("RM062", pods(annotations={TRAFFIC + "excludeOutboundIPRanges": "10.0.0.1"})),
    "excl interfaces": case("RM034", pods(annotations={TRAFFIC + "excludeInterfaces": "eth0"})),
    "excl interfaces other": case("", pods(annotations={TRAFFIC + "excludeInterfaces": "net1"})),
    "anno number": case("RM066", pods(annotations={TRAFFIC + "excludeInboundPorts": 8265})),
    "mode NONE": case("RM034", pods(annotations={"sidecar.istio.io/interceptionMode": "NONE"})),
    "mode TPROXY": case("", pods(annotations={"sidecar.istio.io/interceptionMode": "TPROXY"})),
    "mode none": case("RM062", pods(annotations={"sidecar.istio.io/interceptionMode": "none"})),
    "mode by config": case("RM034", pods(annotations={"proxy.istio.io/config": "interceptionMode: NONE"})),
    "mode by config multi": case(
        "RM034",
        pods(annotations={"proxy.istio.io/config": "interceptionMode: NONE\nholdApplicationUntilProxyStarts: true\n"}),
    ),
    "config hold": case("", pods(annotations={"proxy.istio.io/config": '{"holdApplicationUntilProxyStarts": true}'})),
    "config hold string": case(
        "RM062", pods(annotations={"proxy.istio.io/config": 'holdApplicationUntilProxyStarts: "true"'})
    ),
    "config unknown": case(
        "RM071", pods(annotations={"proxy.istio.io/config": "holdApplicationsUntilProxyStarts: true"})
    ),
    "config not yaml": case("RM062", pods(annotations={"proxy.istio.io/config": "a: b: c"})),
    "hold as annotation": case("RM071", pods(annotations={"proxy.istio.io/holdApplicationUntilProxyStarts": "true"})),
    "status port": case("", pods(annotations={"status.sidecar.istio.io/port": "15020"})),
    "anno on raycluster": case("RM071", cluster(meta={"annotations": {TRAFFIC + "excludeInboundPorts": "6379"}})),
    "label on raycluster": case("RM067", cluster(meta={"labels": {INJECT: "true"}}), namespace({"x": "y"})),
    "hostPort 6379": case("RM065", cluster(both=ports({**GCS, "hostPort": 6379}, DASHBOARD))),
    "hostPort other": case("", cluster(both=ports({"containerPort": 9999, "hostPort": 9999}, GCS, DASHBOARD))),
    "dnsPolicy None": case("", pods(spec={"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.0.10"]}})),
}
