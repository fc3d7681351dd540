"""Hostile inputs: whom pods ask for names, who listens beside Ray in them, and who submits a job."""

from __future__ import annotations

from typing import Any

import yaml

from raymesh.manifests.relating import Options
from tests.unit.lint.examples import STRICT, UNMESHED
from tests.unit.lint.hostile import Piece, beside, case, cluster
from tests.unit.lint.mesh_examples import HEAD, namespace, pods, thing

ENABLED, AMBIENT = namespace({"istio-injection": "enabled"}), namespace({"istio.io/dataplane-mode": "ambient"})
ASKED = {"labels": {"sidecar.istio.io/inject": "true"}}
NATIVE = Options(istio=(1, 31), kubernetes=(1, 34))
OLD_MESH = Options(istio=(1, 20), kubernetes=(1, 28))
CAPTURED = "proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: 'true'\n"
OPEN_DASHBOARD = thing(
    "PeerAuthentication",
    {"selector": HEAD, "mtls": {"mode": "STRICT"}, "portLevelMtls": {8265: {"mode": "PERMISSIVE"}}},
    name="dashboard",
)


def job(*, both: Piece | None = None, kind: str = "RayJob", **outer: Any) -> str:
    return cluster(kind=kind, both=both, outer=outer)


def template(*, labels: Any = None, annotations: Any = None, **spec: Any) -> dict[str, Any]:
    """A submitter's pod."""
    container = {"name": "submitter", "image": "rayproject/ray:2.60.0"}
    metadata = {"labels": labels or {}, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": {"restartPolicy": "Never", "containers": [container], **spec}}


def other(name: str, *numbers: int, protocol: str = "TCP", **more: Any) -> dict[str, Any]:
    """Another container of the pod."""
    listed = [{"containerPort": number, "protocol": protocol} for number in numbers]
    return {"name": name, "image": "example.org/other:1", "ports": listed, **more}


def plain(**spec: Any) -> str:
    """A cluster outside the mesh, with a worker whose pods have more in their spec."""
    made = yaml.safe_load(UNMESHED)
    pod = {"containers": [{"name": "ray", "image": "rayproject/ray:2.46.0"}], **spec}
    made["spec"]["workerGroupSpecs"] = [{"groupName": "w", "rayStartParams": {}, "template": {"spec": pod}}]
    return yaml.safe_dump(made)


QUITS = ["sh", "-c", "ray job submit -- python x.py; curl -X POST localhost:15020/quitquitquit"]
LASTING, PASSING = {"restartPolicy": "Always"}, {"name": "once", "image": "busybox"}

CASES = {
    "the host's DNS": case("RM099", pods(spec={"dnsPolicy": "Default"})),
    "the host's DNS at workers": case("RM099", pods(spec={"dnsPolicy": "Default"}, only=1)),
    "the host's DNS at a head that has a name": case("RM099", pods(spec={"dnsPolicy": "Default"}, only=0)),
    "the cluster's DNS by its name": case("", pods(spec={"dnsPolicy": "ClusterFirst"})),
    "the host's DNS and a nameserver": case(
        "", pods(spec={"dnsPolicy": "Default", "dnsConfig": {"nameservers": ["10.96.0.10"]}})
    ),
    "the host's DNS and words to search": case(
        "RM099", pods(spec={"dnsPolicy": "Default", "dnsConfig": {"searches": ["default.svc.cluster.local"]}})
    ),
    "no DNS at all": case("RM099", pods(spec={"dnsPolicy": "None"})),
    "no DNS, and an empty list": case("RM099", pods(spec={"dnsPolicy": "None", "dnsConfig": {"nameservers": []}})),
    "a sidecar that answers": case(
        "", pods(spec={"dnsPolicy": "Default"}, annotations={"proxy.istio.io/config": CAPTURED})
    ),
    "a ztunnel that answers": case("RM069", pods(spec={"dnsPolicy": "Default"}), AMBIENT),
    "the host's network with the cluster's DNS": case(
        "RM064", pods(spec={"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"})
    ),
    "the host's network and its DNS": case(
        "RM064 RM099", pods(spec={"hostNetwork": True, "dnsPolicy": "ClusterFirst"})
    ),
    "the host's network, outside a mesh": case("RM099", plain(hostNetwork=True)),
    "the host's network with the cluster's DNS, outside": case(
        "", plain(hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet")
    ),
    "the host's DNS, outside a mesh": case("RM099", plain(dnsPolicy="Default")),
    "no word on the network": case("", plain(hostNetwork=False)),
    "the host's DNS at a head without a name": case(
        "", UNMESHED.replace("{spec: {containers", "{spec: {dnsPolicy: Default, containers")
    ),
    "an init container that stays, at Ray's port": case(
        "RM091", pods(spec={"initContainers": [other("exporter", 8080, **LASTING)]})
    ),
    "an init container that ends, at Ray's port": case("", pods(spec={"initContainers": [other("once", 8080)]})),
    "an init container that stays, at the sidecar's port": case(
        "RM090", pods(spec={"initContainers": [other("exporter", 15090, **LASTING)]})
    ),
    "an init container without a port": case("", pods(spec={"initContainers": [{**PASSING, **LASTING}]})),
    "two others at one port": case("RM091", cluster(head={"beside": [other("a", 9100), other("b", 9100)]})),
    "two others, TCP and UDP": case("", cluster(head={"beside": [other("a", 9100), other("b", 9100, protocol="UDP")]})),
    "two others at one port of UDP": case(
        "RM091", cluster(head={"beside": [other("a", 9100, protocol="UDP"), other("b", 9100, protocol="UDP")]})
    ),
    "another twice at its own port": case("", cluster(head={"beside": [other("a", 9100, 9100)]})),
    "another at a port that Ray's container lists": case(
        "RM091",
        cluster(worker={"ray": {"ports": [{"containerPort": 9000}]}, "beside": [other("a", 9000)]}),
    ),
    "the same port in two groups": case(
        "", cluster(head={"beside": [other("a", 9100)]}, worker={"beside": [other("a", 9100)]})
    ),
    "others at ports of their own": case("", cluster(both={"beside": [other("a", 9100), other("b", 9101)]})),
    "three others at one port": case(
        "RM091", cluster(worker={"beside": [other("a", 9100), other("b", 9100), other("c", 9100)]})
    ),
    "another by the container's own `ray start`": case(
        "RM017 RM022 RM023 RM091",
        cluster(
            meta={"annotations": {"ray.io/overwrite-container-cmd": "true"}},
            worker={
                "ray": {"command": ["sh", "-c", "ray start --address=$FQ_RAY_IP:6379 --block"]},
                "beside": [other("a", 9100), other("b", 9100)],
            },
        ),
    ),
    "a proxy by hand at its own ports": case("", cluster(head={"beside": [other("istio-proxy", 15090, 15021)]})),
    "a metrics port that is random, and 8080 of another": case(
        "", cluster(worker={"params": {"metrics-export-port": "false"}, "beside": [other("a", 8080)]})
    ),
    "a submitter with a sidecar": case("RM100", job(), ENABLED),
    "a submitter with a sidecar that ends": case("", job(), ENABLED, options=NATIVE),
    "a submitter in an old mesh": case("RM100", job(), ENABLED, options=OLD_MESH),
    "a submitter by its mode": case("RM100", job(submissionMode="K8sJobMode"), ENABLED),
    "a job by HTTP": case("", job(submissionMode="HTTPMode"), ENABLED),
    "a job by hand": case("", job(submissionMode="InteractiveMode"), ENABLED),
    "a job in the head": case("", job(submissionMode="SidecarMode"), ENABLED),
    "a submitter that refuses its sidecar": case(
        "", job(submitterPodTemplate=template(labels={"sidecar.istio.io/inject": "false"})), ENABLED
    ),
    "a submitter that refuses it by an annotation": case(
        "", job(submitterPodTemplate=template(annotations={"sidecar.istio.io/inject": "false"})), ENABLED
    ),
    "a submitter outside under STRICT": case(
        "RM101", job(submitterPodTemplate=template(labels={"sidecar.istio.io/inject": "false"})), ENABLED, STRICT
    ),
    "a submitter outside by an annotation, under STRICT": case(
        "RM101", job(submitterPodTemplate=template(annotations={"sidecar.istio.io/inject": "false"})), ENABLED, STRICT
    ),
    "a submitter on the host's network, under STRICT": case(
        "RM101", job(submitterPodTemplate=template(hostNetwork=True)), ENABLED, STRICT
    ),
    "a submitter outside, and an open dashboard": case(
        "",
        job(submitterPodTemplate=template(labels={"sidecar.istio.io/inject": "false"})),
        ENABLED,
        STRICT,
        OPEN_DASHBOARD.replace("ray.io/cluster: mine", "app: mine"),
    ),
    "labels that the submitter lacks, under STRICT": case("RM101", job(both=ASKED), STRICT),
    "labels that the submitter lacks": case("", job(both=ASKED)),
    "labels that the submitter has, under STRICT": case(
        "RM100", job(both=ASKED, submitterPodTemplate=template(**ASKED)), STRICT
    ),
    "labels that the submitter has, and native sidecars": case(
        "", job(both=ASKED, submitterPodTemplate=template(**ASKED)), STRICT, options=NATIVE
    ),
    "a namespace that nobody knows, under STRICT": case("", job(), STRICT),
    "a submitter that ends its proxy": case(
        "",
        job(
            submitterPodTemplate=template(
                containers=[{"name": "x", "image": "rayproject/ray:2.60.0", "command": QUITS}]
            )
        ),
        ENABLED,
    ),
    "a submitter whose sidecar is native": case(
        "", job(submitterPodTemplate=template(annotations={"sidecar.istio.io/nativeSidecar": "true"})), ENABLED
    ),
    "a submitter whose sidecar is not": case(
        "RM100", job(submitterPodTemplate=template(annotations={"sidecar.istio.io/nativeSidecar": "false"})), ENABLED
    ),
    "a job of every night": case("RM100", job(kind="RayCronJob"), ENABLED),
    "a service": case("", cluster(kind="RayService"), ENABLED),
    "a cluster": beside("", ENABLED),
    "a job in an ambient mesh": case("RM069", job(), AMBIENT),
}
