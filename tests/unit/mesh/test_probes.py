"""The pods that knock, as they are applied."""

from __future__ import annotations

import json

import yaml

from raymesh.manifests.patching import load
from raymesh.mesh import probes

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
