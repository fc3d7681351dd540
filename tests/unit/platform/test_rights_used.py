"""The roles are just what is used: every call of each mode, written down by a real API server that kubectl asks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
import yaml

from raymesh.errors import CommandError, RaymeshError
from raymesh.evidence import bundle
from raymesh.images import registry
from raymesh.lane import load_lane
from raymesh.mesh import absent, deployed, fences, istio, preflight, probes, rehearsal, removing, seen
from raymesh.mesh.found import look
from raymesh.mesh.wire import listening
from raymesh.paths import ROOT
from raymesh.platform import existing, rights, spaces
from raymesh.platform import kube as platform_kube
from raymesh.platform.kube import Kube
from raymesh.platform.rights import Mode, role
from raymesh.proof import purpose, sights
from raymesh.proof.bench import Bench, Witnesses
from raymesh.subject import Subject, placing
from raymesh.subject.wanted import Around, Wanted, read, wanted_of
from tests.unit.api.server import CONTEXT, Api, borrowed

Doc = dict[str, Any]
Right = tuple[str, str, str]  # verb, group, resource
OF_EVERYBODY = {("create", "authorization.k8s.io", "selfsubjectaccessreviews")}  # ClusterRole system:basic-user
# After a NotFound kubectl asks whether the namespace is there, and does not mind a refusal (cli-runtime, Info.Get).
OF_KUBECTL = {("get", "", "namespaces")}
SUBJECT = ROOT / "manifests" / "subjects" / "three-groups.yaml"


def silent(*_: object, **__: object) -> NoReturn:
    raise CommandError("nobody is asked here but the API server")


ASKED = SimpleNamespace(graph=silent, spans=silent, query=silent)
NO_WITNESSES = cast("Witnesses", SimpleNamespace(knocking=None, wire=None, kiali=ASKED, jaeger=ASKED, prometheus=ASKED))


INFO = ("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion")
MORE = ("machineID", "operatingSystem", "osImage", "systemUUID")
NODE = {"allocatable": {"memory": "8Gi"}, "nodeInfo": dict.fromkeys((*INFO, *MORE), "v1.31.0")}


def doc(api: str, kind: str, name: str, namespace: str = "team", **more: Any) -> Doc:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": {}, **more}


def pod(name: str, namespace: str, *, ready: bool = True, labels: dict[str, str] | None = None) -> Doc:
    states = [
        {"name": one, "ready": ready, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
        for one in ("ray", "istio-proxy")
    ]
    made = doc("v1", "Pod", name, namespace)
    made["metadata"]["labels"] = labels or {}
    containers = [{"name": "ray", "image": "x:1.28.1"}, {"name": "istio-proxy", "image": "x:1"}]
    made["spec"] = {"containers": containers, "serviceAccountName": "default", "nodeName": "n"}
    conditions = [{"type": "Ready", "status": str(ready)}]
    made["status"] = {
        "phase": "Running", "podIP": "10.0.0.7", "containerStatuses": states, "conditions": conditions,
    }  # fmt: skip
    return made


def mesh(namespace: str, name: str) -> list[Doc]:
    """What a cluster has that can be borrowed, and a RayCluster of that name that runs."""
    found = list(yaml.safe_load_all(SUBJECT.read_text()))
    spec = next(one for one in found if one["kind"] == "RayCluster")["spec"]
    headless = [
        doc(
            "v1",
            "Service",
            one["metadata"]["name"],
            namespace,
            spec=one["spec"] | {"selector": {"ray.io/cluster": name}},
        )
        for one in found
        if one["kind"] == "Service"
    ]
    service = {"ports": [{"port": port} for port in (80, 9090, 16686, 20001)], "selector": {"app": "x"}}
    pods = [pod("head", namespace, labels={"ray.io/cluster": name, "ray.io/node-type": "head"})]
    labels = {"ray.io/cluster": name, "ray.io/node-type": "head"}
    head = doc("v1", "Service", f"{name}-head-svc", namespace, spec=service)
    head["metadata"]["labels"] = labels
    return [
        doc("v1", "Namespace", "istio-system"),
        doc("v1", "Node", "n", status=NODE),
        pod("istiod", "istio-system", labels={"app": "istiod"}),
        pod("operator", "kuberay", labels={"app.kubernetes.io/component": "kuberay-operator"}),
        pod("x", "istio-system", labels={"app": "x"}),
        *(doc("v1", "Service", one, "istio-system", spec=service) for one in ("kiali", "tracing", "prometheus")),
        doc("v1", "ConfigMap", "istio", "istio-system", data={"mesh": "trustDomain: cluster.local"}),
        doc("v1", "ConfigMap", "istio-ca-root-cert", namespace, data={"root-cert.pem": ""}),
        *pods,
        head,
        *headless,
        doc("ray.io/v1", "RayCluster", name, namespace, spec=spec),
        doc("ray.io/v1", "RayJob", "job", namespace, status={"rayClusterName": name}),
        doc("ray.io/v1", "RayService", "serve", namespace, status={"activeServiceStatus": {"rayClusterName": name}}),
    ]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    monkeypatch.setattr(platform_kube, "TERMINAL_POLLS", 1)
    monkeypatch.setattr(absent, "LASTING_SECONDS", 0.0)
    monkeypatch.setattr(removing, "GONE_SECONDS", 1.0)
    with borrowed(monkeypatch, tmp_path) as found:
        yield found


def used(api: Api) -> set[Right]:
    return api.used() - OF_EVERYBODY


def given(mode: Mode) -> set[Right]:
    return {
        (verb, group, resource)
        for rule in role(mode)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def attempt(do: Any) -> None:
    """Do it as far as a server comes that runs nothing."""
    with contextlib.suppress(RaymeshError, LookupError, ValueError):
        do()


def looked_at(kube: Kube, subject: Subject) -> None:
    """All that a look asks the API server for, whatever the witnesses say."""
    namespace = subject.namespace
    attempt(lambda: deployed.ready(kube, subject, [], within=0.1))
    attempt(lambda: absent.reason(kube, "RayCluster", "rayclusters.ray.io", subject.name, namespace))
    attempt(lambda: absent.Stuck(kube, namespace).why(pod("head", namespace, ready=False)))
    attempt(lambda: istio.roots(kube, namespace))
    attempt(lambda: kube.exec("head", ["true"], container="ray", namespace=namespace))
    for target in ("service/kiali", "pod/x"):
        attempt(kube.port_forward("istio-system", target, 20001, 3).__enter__)
    bench = Bench(
        kube=kube, subject=subject, lane=load_lane("seed"), stock_proxy=False, witnesses=NO_WITNESSES,
        record=lambda *_: None, roots=frozenset(), named=frozenset(), named_identities=frozenset(), fresh=True,
        borrowed={},
    )  # fmt: skip
    attempt(lambda: sights.collect(bench))
    attempt(bench.strangers)
    bundle.collect(
        lambda words: kube.kubectl(*words).stdout, lambda *_: None, namespaces=[namespace],
        manifests={}, seconds=60,
    )  # fmt: skip


def test_who_looks_uses_just_what_the_role_gives(api: Api) -> None:
    api.put(*mesh("team", "mine"))
    kube = existing.borrowed(CONTEXT)
    found = look(kube)
    rights.demand(kube, "look", "team", found.namespace)
    asked = preflight.Asked("look", "team", {}, {}, None, frozenset(), 1.0)
    list(preflight.checks(kube, found, asked))
    for name in ("job", "serve", "mine"):
        wanted = seen.running(kube, "team", name, Around())
        subject = deployed.found(kube, wanted, within=5)
    looked_at(kube, subject)
    assert sorted(used(api) - OF_KUBECTL) == sorted(given("look"))


def everything(namespace: str) -> tuple[Wanted, list[Doc]]:
    """A subject, and an object of each kind that its manifests may hold besides."""
    wanted = wanted_of(read([str(SUBJECT)]), Around())
    kinds = (
        ("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "Service"), ("v1", "ServiceAccount"), ("v1", "Pod"),
        *(("security.istio.io/v1", kind) for kind in ("PeerAuthentication", "AuthorizationPolicy")),
        *(("networking.istio.io/v1", kind) for kind in ("DestinationRule", "Sidecar")),
        ("networking.k8s.io/v1", "NetworkPolicy"), ("ray.io/v1", "RayJob"), ("ray.io/v1", "RayService"),
    )  # fmt: skip
    more = [doc(api, kind, f"more-{kind.lower()}", namespace) for api, kind in kinds]
    docs = [one for one in wanted.docs if one["kind"] != "Namespace"]
    return placing.moved(Wanted(wanted.subject, wanted.owner, (*docs,), ()), namespace), more


def test_who_proves_uses_just_what_the_role_gives(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "SETTLED_SECONDS", 0.1)
    api.put(*mesh("elsewhere", "other"))
    kube = existing.borrowed(CONTEXT)
    found = look(kube)
    rights.demand(kube, "prove", "default", found.namespace)
    asked = preflight.Asked("prove", "", {}, {}, None, frozenset(), 1.0)
    list(preflight.checks(kube, found, asked))
    spaces.remove_stale(kube)
    wanted, more = everything("own")
    images = registry.unchanged()
    with spaces.made(kube, ["own"], found.injection):
        docs = [*placing.in_order(placing.bound_to(wanted.docs, "own")), *more]
        kube.apply([one for one in docs if one["kind"] in placing.FIRST])
        pods = [*rehearsal.pods_of(wanted), *rehearsal.of_ours(probes.docs("own", images))]
        rehearsal.rehearse(kube, "own", pods)
        kube.apply(docs)
        kube.apply([{**one, "metadata": {**one["metadata"], "labels": {"a": "b"}}} for one in docs])  # who has some
        api.put(*mesh("own", wanted.subject.name)[-6:])
        subject = deployed.found(kube, wanted, within=5)
        looked_at(kube, subject)
        for resource in ("rayjobs.ray.io", "rayservices.ray.io"):
            attempt(partial(purpose._read, cast("Bench", SimpleNamespace(subject=subject, kube=kube)), resource))
        attempt(lambda: probes.deploy(kube, "own", images, {"ray.io/cluster": "x"}, within=0.1))
        nodes = sorted(kube.kubelets())
        attempt(lambda: listening(kube, "own", nodes, images, lambda *_: None, within=0.1).__enter__())
        api.lingers = True
        attempt(lambda: probes.remove(kube, "own", images))
        assert fences.every("own")
        api.lingers = False
        attempt(lambda: removing.remove(kube, docs, ["own"]))
        api.lingers = True
    assert sorted(used(api)) == sorted(given("prove"))
