"""The pods that knock, as they are applied."""

from __future__ import annotations

import json

import yaml

from raymesh.manifests.patching import load
from raymesh.mesh import probes
from raymesh.paths import ROOT

IMAGES = {"rayproject/ray:2.10.0": "here/ray:1"}


def test_all_of_it_goes_into_the_namespace_that_was_asked_for() -> None:
    docs = probes.docs("elsewhere", IMAGES)
    assert {doc["metadata"]["namespace"] for doc in docs} == {"elsewhere"}
    pods = {doc["metadata"]["name"]: doc for doc in docs if doc["kind"] == "Pod"}
    assert set(pods) == set(probes.PODS)
    for name, pod in pods.items():
        assert pod["metadata"]["labels"]["app"] == name
        [container] = pod["spec"]["containers"]
        assert (container["name"], container["image"]) == (probes.CONTAINER, "here/ray:1")
    assert len(docs) == len(load(probes.MANIFEST))


def test_the_bearer_gets_the_meshs_certificate_where_its_client_looks_and_dials_by_itself() -> None:
    [bearer] = [d for d in probes.docs("ns", IMAGES) if (d["kind"], d["metadata"]["name"]) == ("Pod", probes.BEARER)]
    notes = bearer["metadata"]["annotations"]
    assert yaml.safe_load(notes["proxy.istio.io/config"])["proxyMetadata"]["OUTPUT_CERTS"] == probes.FOLDER
    # A map, as the template wants it: of a list it takes the positions for names (istio's injection-template.yaml).
    [(name, written)] = json.loads(notes["sidecar.istio.io/userVolumeMount"]).items()
    [mounted] = bearer["spec"]["containers"][0]["volumeMounts"]
    [volume] = bearer["spec"]["volumes"]
    assert name == mounted["name"] == volume["name"]
    assert written["mountPath"] == mounted["mountPath"] == probes.FOLDER
    assert mounted["readOnly"]
    assert volume["emptyDir"] == {"medium": "Memory"}  # the key is on no disk
    assert notes["traffic.sidecar.istio.io/includeOutboundIPRanges"] == ""
    assert bearer["spec"]["serviceAccountName"] == probes.BEARER


def test_each_pod_of_ours_has_the_rights_it_needs_and_no_other() -> None:
    """Who knocks has none; who listens to packets has the two that take it, and the node's network."""
    files = sorted((ROOT / "manifests" / "probes").glob("*.yaml"))
    pods = [doc for path in files for doc in yaml.safe_load_all(path.read_text()) if doc["kind"] == "Pod"]
    assert len(pods) > len(probes.PODS)
    for pod in pods:
        spec = pod["spec"]
        listens = bool(spec.get("hostNetwork"))
        assert not spec.keys() & {"hostPID", "hostIPC"}
        assert [volume for volume in spec.get("volumes", []) if set(volume) != {"name", "emptyDir"}] == []
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["capabilities"]["drop"] == ["ALL"]
            assert set(context["capabilities"].get("add", [])) == ({"NET_RAW", "NET_ADMIN"} if listens else set())
            assert not context.get("privileged")
            assert listens or (context["runAsNonRoot"] and context["allowPrivilegeEscalation"] is False)
