"""Which clusters are in a mesh, what takes pods out of it, and which files are no whole objects."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.lint.run import lint_texts
from raymesh.manifests.collecting import collect
from raymesh.manifests.membership import Membership
from raymesh.manifests.objects import Objects
from raymesh.manifests.reading import Document, parse
from raymesh.manifests.relating import Options, make_world
from tests.unit.lint.examples import CLEAN, OPERATOR, UNMESHED
from tests.unit.lint.mesh_examples import changed, found, groups, messages, namespace, pods, thing

INJECT, REVISION, INJECTION = "sidecar.istio.io/inject", "istio.io/rev", "istio-injection"
DATAPLANE = "istio.io/dataplane-mode"
BROKEN = CLEAN.replace("port: 6380", "port: 6399")  # RM001, if it is in a mesh
ENABLED = namespace({INJECTION: "enabled"})
PLAIN = UNMESHED.replace("{name: plain}", "{name: plain, namespace: default}")
STRICT = thing("PeerAuthentication", {"mtls": {"mode": "STRICT"}})


def rays(*texts: str, options: Options | None = None) -> list[Membership]:
    """How each group of all clusters takes part."""
    objects = Objects()
    for text in texts:
        for document in parse("a.yaml", text):
            assert isinstance(document, Document)
            collect(document, objects)
    return [member.asked for member in make_world(objects, options or Options()).members]


WORDS = st.sampled_from([None, "true", "false", "yes", ""])
REVISIONS = st.sampled_from([None, "canary"])


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS, REVISIONS, st.sampled_from([None, "enabled", "disabled"]), REVISIONS)
def test_pods_are_injected_as_the_webhooks_and_the_injector_do(
    label: str | None, note: str | None, pod_revision: str | None, injection: str | None, revision: str | None
) -> None:
    """The webhooks of the chart as they stand there, with the revisions default and canary installed."""
    of_space = {k: v for k, v in ((INJECTION, injection), (REVISION, revision)) if v is not None}
    labels = {k: v for k, v in ((INJECT, label), (REVISION, pod_revision)) if v is not None}
    annotations = {INJECT: note} if note is not None else {}
    not_false = label != "false"
    webhooks = (
        revision is not None and injection is None and not_false,
        injection is None and revision is None and pod_revision is not None and not_false,
        injection == "enabled" and not_false,
        injection is None and revision is None and label == "true" and pod_revision is None,
    )
    told = label if label is not None else note
    injected = any(webhooks) and told != "false"
    text = pods(labels=labels, annotations=annotations)
    answers = {m is Membership.SIDECAR for m in rays(text, namespace({"x": "y"} | of_space))}
    assert answers == {injected}


OUTSIDE = {
    "a mesh-wide policy, and a namespace that refuses": (
        PLAIN,
        thing("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, space="istio-system"),
        namespace({INJECTION: "disabled"}),
    ),
    "a mesh-wide policy": (PLAIN, thing("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, space="istio-system")),
    "a policy of its namespace, which refuses": (PLAIN, STRICT, namespace({INJECTION: "disabled"})),
    "a policy of another namespace": (PLAIN, STRICT.replace("namespace: default", "namespace: other")),
    "another namespace is in the mesh": (PLAIN, namespace({INJECTION: "enabled"}, "other")),
    "a policy of other pods": (
        PLAIN,
        thing("PeerAuthentication", {"selector": {"matchLabels": {"app": "x"}}, "mtls": {"mode": "STRICT"}}),
    ),
    "another API's policy": (PLAIN, STRICT.replace("security.istio.io/v1", "security.example.test/v1")),
    "another API's cluster": (PLAIN.replace("ray.io/v1", "compute.example.test/v1"), STRICT, ENABLED),
    "the first operator's cluster": (PLAIN.replace("ray.io/v1", "cluster.ray.io/v1"), STRICT, ENABLED),
    "pods that refuse": (BROKEN.replace("app: mine", "sidecar.istio.io/inject: 'false'"), ENABLED),
    "pods that refuse by annotation": (
        pods(annotations={INJECT: "false"}).replace("port: 6380", "port: 6399"),
        ENABLED,
    ),
    "pods that ambient leaves out": (
        pods(labels={DATAPLANE: "none"}).replace("port: 6380", "port: 6399"),
        namespace({DATAPLANE: "ambient"}),
    ),
    "a namespace that refuses, whatever the addresses say": (BROKEN, namespace({INJECTION: "disabled"})),
}


@pytest.mark.parametrize("texts", OUTSIDE.values(), ids=OUTSIDE)
def test_a_cluster_that_is_in_no_mesh_is_left_alone(texts: tuple[str, ...]) -> None:
    assert found(*texts) == []


INSIDE = {
    "a label of its namespace": (PLAIN, ENABLED),
    "a revision of its namespace": (PLAIN, namespace({REVISION: "canary"})),
    "a policy of its namespace": (PLAIN, STRICT),
    "a policy without a namespace beside it": (UNMESHED, thing("PeerAuthentication", {}, space=None)),
    "a label of its pods": (PLAIN.replace("{spec: {cont", "{metadata: {labels: {istio.io/rev: x}}, spec: {cont"),),
    "a policy for its pods": (
        PLAIN,
        thing("AuthorizationPolicy", {"selector": {"matchLabels": {"ray.io/cluster": "plain"}}, "rules": [{}]}),
    ),
    "no namespace, and default is in the mesh": (UNMESHED, ENABLED),
}


@pytest.mark.parametrize("texts", INSIDE.values(), ids=INSIDE)
def test_a_cluster_that_is_in_a_mesh_is_judged(texts: tuple[str, ...]) -> None:
    assert "RM013" in found(*texts)


def test_objects_without_a_namespace_go_with_those_of_their_folder() -> None:
    policy = thing("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, space=None)

    def rules(*paths: str) -> list[str]:
        return [f.rule for f in lint_texts(dict(zip(paths, (UNMESHED, policy), strict=True))).findings]

    assert "RM013" in rules("ray/cluster.yaml", "ray/peer.yaml")
    assert rules("ray/cluster.yaml", "tutorial/peer.yaml") == []
    assert rules("cluster.yaml", "tutorial/peer.yaml") == []


@pytest.mark.parametrize("only", [None, 0, 1])
def test_the_network_of_the_host_is_found(only: int | None) -> None:
    text = pods(spec={"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, only=only)
    assert "RM064" in found(text, ENABLED)
    assert "RM064" in found(text, namespace({DATAPLANE: "ambient"}))
    assert found(text, namespace({INJECTION: "disabled"})) == []
    assert found(pods(spec={"hostNetwork": False}), ENABLED) == []


@pytest.mark.parametrize("kind", ["RayJob", "RayService"])
def test_other_kinds_have_pods_on_the_network_of_the_host_too(kind: str) -> None:
    at = {"RayJob": "rayClusterSpec", "RayService": "rayClusterConfig"}[kind]
    service, cluster = yaml.safe_load_all(pods(spec={"hostNetwork": True}))
    service["spec"]["selector"] = {"app": "mine"}
    cluster |= {"kind": kind, "spec": {at: cluster["spec"]}}
    assert "RM064" in found(yaml.safe_dump_all([service, cluster]), ENABLED)


def host_port(inside: int, host: int) -> str:
    container = {
        "name": "ray",
        "image": "rayproject/ray:2.60.0",
        "ports": [{"containerPort": inside, "hostPort": host}],
    }
    return pods(spec={"containers": [container]})


def test_ports_on_the_host_are_found() -> None:
    assert "RM065" in found(host_port(8265, 30265))
    assert "RM065" in found(host_port(6380, 6380))
    assert "RM065" not in found(host_port(9999, 9999))
    assert "RM065" not in found(host_port(8265, 0))


@pytest.mark.parametrize(
    "text",
    [
        pods(labels={INJECT: True}),
        pods(annotations={INJECT: True}),
        pods(labels={"version": 1.5}),
        pods(annotations={"prometheus.io/port": 8080}),
        changed(lambda c: c["metadata"].update(labels={"team": 7})),
        namespace({INJECTION: True}),
        CLEAN.replace(
            "ray.io/cluster: mine\n  publish", "ray.io/cluster: mine\n    ray.io/is-ray-node: yes\n  publish"
        ),
    ],
)
def test_labels_that_are_no_strings_are_found_and_quoted(text: str) -> None:
    texts = (text,) if "RayCluster" in text else (CLEAN, text)
    assert "RM066" in found(*texts)


@pytest.mark.parametrize("text", [pods(labels={INJECT: "true"}), pods(labels={"version": "1.5", "empty": ""})])
def test_labels_that_are_strings_are_right(text: str) -> None:
    assert found(text) == []


NOT_HEARD = {
    "the namespace refuses": (pods(labels={INJECT: "true"}), namespace({INJECTION: "disabled"})),
    "the namespace refuses a revision": (pods(labels={REVISION: "x"}), namespace({INJECTION: "disabled"})),
    "an annotation": (pods(annotations={INJECT: "true"}), namespace({"team": "ml"})),
    "a revision as an annotation": (pods(annotations={REVISION: "x"}), namespace({"team": "ml"})),
    "ambient as an annotation": (pods(annotations={DATAPLANE: "ambient"}), namespace({"team": "ml"})),
    "a word": (pods(labels={INJECT: "enabled"}),),
    "a capital": (pods(labels={INJECT: "True"}),),
    "a word against it": (pods(labels={INJECT: "no"}), ENABLED),
    "at the cluster": (changed(lambda c: c["metadata"].update(labels={INJECT: "true"})),),
    "at the cluster, as an annotation": (changed(lambda c: c["metadata"].update(annotations={INJECT: "true"})),),
    "the namespace has another word": (CLEAN, namespace({INJECTION: "true"})),
    "the namespace has a capital": (CLEAN, namespace({INJECTION: "Enabled"})),
    "the namespace has an annotation": (CLEAN, namespace({"a": "b"}, annotations={INJECTION: "enabled"})),
    "the namespace has the pods' label": (CLEAN, namespace({INJECT: "true"})),
    "ambient with a capital": (CLEAN, namespace({DATAPLANE: "Ambient"})),
}


@pytest.mark.parametrize("texts", NOT_HEARD.values(), ids=NOT_HEARD)
def test_what_istio_does_not_hear_is_found(texts: tuple[str, ...]) -> None:
    assert "RM067" in found(*texts)


HEARD = {
    "a label": (pods(labels={INJECT: "true"}),),
    "a label and a namespace": (pods(labels={INJECT: "true"}), ENABLED),
    "an annotation in a namespace that injects": (pods(annotations={INJECT: "true"}), ENABLED),
    "a label that goes before the annotation": (pods(labels={INJECT: "true"}, annotations={INJECT: "false"}),),
    "at the cluster and at the pods": (
        changed(lambda c: c["metadata"].update(labels={INJECT: "true"})).replace("app: mine", f"{INJECT}: 'true'"),
        ENABLED,
    ),
    "at the cluster, in a namespace that injects": (
        changed(lambda c: c["metadata"].update(labels={INJECT: "true"})),
        ENABLED,
    ),
}


@pytest.mark.parametrize("texts", HEARD.values(), ids=HEARD)
def test_what_istio_hears_is_right(texts: tuple[str, ...]) -> None:
    assert set(found(*texts)) <= {"RM027"}


@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_one_group_that_refuses_is_found(where: str) -> None:
    assert "RM035" in found(pods(**{where: {INJECT: "false"}}, only=1), ENABLED)
    assert "RM035" in found(pods(labels={DATAPLANE: "none"}, only=0), namespace({DATAPLANE: "ambient"}))


@pytest.mark.parametrize("template", ["grpc-agent", "gateway", "grpc-simple, mine"])
def test_templates_without_a_sidecar_are_found(template: str) -> None:
    assert "RM068" in found(pods(annotations={"inject.istio.io/templates": template}), ENABLED)


@pytest.mark.parametrize("template", ["sidecar", "sidecar,mine", "mine"])
def test_templates_with_one_or_of_ones_own_are_right(template: str) -> None:
    assert found(pods(annotations={"inject.istio.io/templates": template}), ENABLED) == []


def test_an_ambient_cluster_needs_no_service_and_is_told_what_it_lacks() -> None:
    ambient = namespace({DATAPLANE: "ambient"})
    assert found(PLAIN, ambient) == ["RM069"]
    assert found(BROKEN, ambient) == ["RM069"]
    assert found(CLEAN, ambient, STRICT) == ["RM069"]
    http = {
        "selector": {"matchLabels": {"ray.io/cluster": "mine"}},
        "rules": [{"to": [{"operation": {"paths": ["/x"]}}]}],
    }
    assert "RM051" in found(CLEAN, ambient, thing("AuthorizationPolicy", http))


@pytest.mark.parametrize(
    ("of_space", "of_pod"),
    [
        ({INJECTION: "enabled", REVISION: "x"}, {}),
        ({INJECTION: "enabled"}, {REVISION: "x"}),
        ({REVISION: "x"}, {REVISION: "y"}),
    ],
)
def test_revisions_without_effect_are_found(of_space: dict[str, str], of_pod: dict[str, str]) -> None:
    assert found(pods(labels=of_pod), namespace(of_space)).count("RM070") == (1 if not of_pod else 2)


@pytest.mark.parametrize(
    ("of_space", "of_pod"), [({REVISION: "x"}, {REVISION: "x"}), ({REVISION: "x"}, {}), ({}, {REVISION: "x"})]
)
def test_revisions_that_agree_are_right(of_space: dict[str, str], of_pod: dict[str, str]) -> None:
    assert found(pods(labels=of_pod), namespace({"a": "b"} | of_space)) == []


PATCH = """\
apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: mine, namespace: default}
spec:
  headGroupSpec:
    template: {metadata: {labels: {team: a}}}
"""
PART_OF_A_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: mine-headless-svc, namespace: default}
spec: {ports: [{name: p10012, appProtocol: tcp}]}
"""
BASE = {"base/kustomization.yaml": "resources: [mine.yaml]\n", "base/mine.yaml": CLEAN}
OVERLAYS: dict[str, dict[str, str]] = {
    "patches": {"kustomization.yaml": "resources: [../base]\npatches: [{path: one.yaml}]\n", "one.yaml": PATCH},
    "merges": {
        "kustomization.yaml": "bases: [../base]\npatchesStrategicMerge: [one.yaml, ./two.yaml]\n",
        "one.yaml": PATCH,
        "two.yaml": PART_OF_A_SERVICE,
    },
    "a patch in place": {"kustomization.yaml": f"resources: [../base]\npatches:\n- patch: {PATCH!r}\n"},
    "a prefix": {"kustomization.yaml": "kind: Kustomization\nresources: [../base]\nnamePrefix: dev-\n"},
    "images": {"kustomization.yaml": "resources: [../base/]\nimages: [{name: rayproject/ray, newTag: 2.55.0}]\n"},
    "labels": {"kustomization.yaml": "resources: [../base]\nlabels: [{pairs: {a: b}, includeSelectors: true}]\n"},
    "a component": {
        "kustomization.yaml": "resources: [../base]\ncomponents: [../part]\n",
        "../part/kustomization.yaml": "kind: Component\npatches: [{path: p.yaml}]\n",
        "../part/p.yaml": PATCH,
    },
}


@pytest.mark.parametrize("overlay", OVERLAYS.values(), ids=OVERLAYS)
def test_what_kustomize_changes_is_not_judged_by_its_parts(overlay: dict[str, str]) -> None:
    files = BASE | {f"over/{path}".replace("over/../", ""): text for path, text in overlay.items()}
    broken = files | {"base/mine.yaml": BROKEN, "over/strict.yaml": f"{STRICT}---\n{OPERATOR}"}
    broken["over/kustomization.yaml"] = broken["over/kustomization.yaml"].replace(
        ": [../base", ": [strict.yaml, ../base"
    )
    for sources in (files, broken, {f"/abs/./{path}": text for path, text in broken.items()}):
        findings = lint_texts(sources).findings
        assert [f.rule for f in findings] == ["RM072"]
        assert findings[0].place.path.endswith("over/kustomization.yaml")


def test_what_kustomize_only_gathers_is_judged() -> None:
    assert lint_texts(BASE).findings == []
    assert {f.rule for f in lint_texts(BASE | {"base/mine.yaml": BROKEN}).findings} == {"RM001", "RM002"}
    namespaced = {"k/kustomization.yaml": "resources: [a.yaml]\nnamespace: default\n", "k/a.yaml": BROKEN}
    assert {f.rule for f in lint_texts(namespaced).findings} == {"RM001", "RM002"}


def test_another_kind_with_the_name_of_kustomizes_own_changes_nothing() -> None:
    flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\nspec: {path: ./ray}\n"
    assert {f.rule for f in lint_texts({"flux.yaml": flux, "a.yaml": BROKEN}).findings} == {"RM001", "RM002"}


def test_a_patch_without_its_kustomization_is_not_taken_for_a_cluster() -> None:
    said = messages(PATCH)
    assert len(said) == 1
    assert said[0].startswith("RM072")
    findings = lint_texts({"p.yaml": PATCH, "a.yaml": BROKEN}).findings
    assert {f.rule for f in findings if f.place.path == "a.yaml"} >= {"RM001", "RM002"}


def test_workers_alone_are_a_patch_too() -> None:
    def strip(cluster: dict[str, Any]) -> None:
        groups(cluster)[1]["template"]["spec"].pop("containers")

    assert found(changed(strip)) == ["RM072"]
