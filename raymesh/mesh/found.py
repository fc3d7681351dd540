"""The mesh of a cluster that is already there: Istio, KubeRay and the addons, found by their usual labels and names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from raymesh.errors import EnvironmentFault
from raymesh.platform.kube import Kube
from raymesh.ports import Version
from raymesh.ports.versions import parse_version

Doc = dict[str, Any]
ISTIOD = "app=istiod"
CNI_NODES = "k8s-app=istio-cni-node"  # of istio's chart istio-cni, 1.21 to 1.31
REVISION = "istio.io/rev"
DEFAULT_REVISION = "default"
# KubeRay's kustomize configuration and its Helm chart label the operator's pods so; Ray pods have the first word, too.
OPERATORS = ("app.kubernetes.io/component=kuberay-operator", "app.kubernetes.io/name=kuberay-operator")
NAME_LABELS = ("app.kubernetes.io/name", "app", "k8s-app")


@dataclass(frozen=True)
class Kind:
    """How an addon's Service is known: by a label's value or its own name, its port, and the roots of its paths."""

    names: tuple[str, ...]
    ports: tuple[int, ...]
    roots: tuple[str, ...]
    asked: str  # a path that answers 200


KINDS: Mapping[str, Kind] = {
    "kiali": Kind(("kiali",), (20001, 80, 443), ("/kiali", ""), "/api/status"),
    "jaeger": Kind(
        ("tracing", "jaeger-query", "jaeger", "tempo-query", "jaeger-inmemory-query"),
        (16686, 80),
        ("/jaeger", ""),
        "/api/services",
    ),
    "prometheus": Kind(
        ("prometheus", "prometheus-server", "prometheus-k8s", "prometheus-operated"),
        (9090, 80),
        ("", "/prometheus"),
        "/api/v1/status/buildinfo",
    ),
}


@dataclass(frozen=True)
class Addon:
    """A Service through which a witness answers."""

    namespace: str
    service: str
    port: int


@dataclass(frozen=True)
class Found:
    """What a borrowed cluster has. `missing` are reasons why something that is needed was not found, by its name."""

    namespace: str = ""  # of istiod
    istio: str = ""
    revision: str = ""
    trust_domain: str = "cluster.local"
    mesh: Mapping[str, Any] = field(default_factory=dict)  # MeshConfig, as istiod reads it
    operator_namespace: str = ""
    operator_pods: tuple[str, ...] = ()
    operator_account: str = ""
    operator_in_mesh: bool = False
    kuberay: str = ""
    kubernetes: str = ""
    cni: bool = False  # Istio's CNI plugin redirects traffic: pods have no istio-init
    addons: Mapping[str, Addon] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def injection(self) -> dict[str, str]:
        """The label by which a namespace asks for sidecars of this istiod."""
        if self.revision in ("", DEFAULT_REVISION):
            return {"istio-injection": "enabled"}
        return {REVISION: self.revision}

    @property
    def istio_minor(self) -> tuple[int, int] | None:
        """Istio's major and minor version, None where its image does not say it."""
        version = _version(self.istio)
        return version[:2] if version else None

    @property
    def kuberay_version(self) -> Version | None:
        """KubeRay's version, None where its image does not say it."""
        return _version(self.kuberay)

    @property
    def versions(self) -> dict[str, str]:
        """Versions by program, as the API server and the images say them."""
        told = {"kubernetes": self.kubernetes, "istiod": self.istio, "kuberay-operator": self.kuberay}
        return {name: version.removeprefix("v") for name, version in told.items() if version}


def look(kube: Kube, *, given: Iterable[str] = (), without: Iterable[str] = ()) -> Found:
    """Find out what is there. `given` are witnesses whose address is known, `without` those that are not asked."""
    operator = next((pods for selector in OPERATORS if (pods := _pods(kube, selector))), [])
    return understood(
        _pods(kube, ISTIOD),
        operator,
        _services(kube),
        lambda namespace, revision: _mesh(kube, namespace, revision),
        kubernetes=kube.version(),
        known={*given, *without},
        cni=bool(_pods(kube, CNI_NODES)),
    )


def understood(
    istiod: Sequence[Doc],
    operator: Sequence[Doc],
    services: Sequence[Doc],
    mesh_of: Callable[[str, str], Mapping[str, Any]],
    *,
    kubernetes: str,
    known: Collection[str] = (),
    cni: bool = False,
) -> Found:
    """Tell from pods and Services what a cluster has; `mesh_of` reads MeshConfig by istiod's namespace and revision.

    Witnesses that are `known` are not looked for.
    """
    missing: dict[str, str] = {}
    namespace, version, revision = "", "", ""
    if istiod:
        revisions = sorted({str(_labels(pod).get(REVISION, DEFAULT_REVISION)) for pod in istiod})
        revision = DEFAULT_REVISION if DEFAULT_REVISION in revisions else revisions[-1]
        pod = next(pod for pod in istiod if _labels(pod).get(REVISION, DEFAULT_REVISION) == revision)
        namespace, version = pod["metadata"]["namespace"], _tag(pod)
    else:
        missing["istio"] = f"no pod with the label {ISTIOD} in any namespace"
    if not operator:
        missing["kuberay"] = f"no pod with the label {' or '.join(OPERATORS)} in any namespace"
    mesh = mesh_of(namespace, revision) if namespace else {}
    addons = {}
    for name, kind in KINDS.items():
        if name in known:
            continue
        try:
            addons[name] = _addon(name, kind, services, namespace)
        except LookupError as error:
            missing[name] = str(error)
    return Found(
        namespace=namespace,
        istio=version,
        revision=revision,
        trust_domain=str(mesh.get("trustDomain") or "cluster.local"),
        mesh=mesh,
        operator_namespace=operator[0]["metadata"]["namespace"] if operator else "",
        operator_pods=tuple(pod["metadata"]["name"] for pod in operator),
        operator_account=operator[0]["spec"].get("serviceAccountName", "default") if operator else "",
        operator_in_mesh=any("istio-proxy" in _containers(pod) for pod in operator),
        kuberay=_tag(operator[0]) if operator else "",
        kubernetes=kubernetes,
        cni=cni,
        addons=addons,
        missing=missing,
    )


def demand(found: Found) -> None:
    """Raise EnvironmentFault where something is missing, with all that is and how it is named."""
    if not found.missing:
        return
    cures = [
        _CURES.get(name, f"--{name} URL says where it is, --without {name} that there is none")
        for name in found.missing
    ]
    raise EnvironmentFault(
        "this cluster lacks what proves it: " + "; ".join(f"{name}: {why}" for name, why in found.missing.items()),
        "; ".join(dict.fromkeys(cures)),
    )


_CURES = {
    "istio": "install Istio with sidecars: nothing can be proven without it",
    "kuberay": "install the KubeRay operator: it makes the pods of a RayCluster",
}


def _pods(kube: Kube, selector: str) -> list[Doc]:
    return list(json.loads(kube.pods_json(None, selector))["items"])


def _labels(doc: Doc) -> Doc:
    found: Doc = doc["metadata"].get("labels") or {}
    return found


def _containers(pod: Doc) -> set[str]:
    spec = pod["spec"]
    return {str(one["name"]) for one in [*spec["containers"], *(spec.get("initContainers") or [])]}


def _tag(pod: Doc) -> str:
    """The version in the tag of a pod's first own image; empty where that is a digest alone."""
    image = next(str(one["image"]) for one in pod["spec"]["containers"] if one["name"] != "istio-proxy")
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2].removeprefix("v")


def _version(text: str) -> Version | None:
    number = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return parse_version(".".join(part or "0" for part in number.groups())) if number else None


def _mesh(kube: Kube, namespace: str, revision: str) -> Mapping[str, Any]:
    name = "istio" if revision in ("", DEFAULT_REVISION) else f"istio-{revision}"
    words = ("get", "configmap", name, "-n", namespace, "--ignore-not-found", "-o", "json")
    text = kube.kubectl(*words).stdout
    return yaml.safe_load(json.loads(text)["data"].get("mesh", "")) or {} if text.strip() else {}


def _services(kube: Kube) -> list[Doc]:
    return list(json.loads(kube.kubectl("get", "services", "--all-namespaces", "-o", "json").stdout)["items"])


def _addon(name: str, kind: Kind, services: Iterable[Doc], istio: str) -> Addon:
    """The Service of an addon: beside istiod, else the only one. Raises LookupError for none, and for several."""

    def known(doc: Doc) -> bool:
        labels = _labels(doc)
        return doc["metadata"]["name"] in kind.names or any(labels.get(key) == name for key in NAME_LABELS)

    found = [
        Addon(doc["metadata"]["namespace"], doc["metadata"]["name"], port)
        for doc in services
        if known(doc) and (port := _port(doc, kind))
    ]
    found.sort(key=lambda one: (one.namespace != istio, _rank(one.service, kind.names)))
    beside = [one for one in found if one.namespace == istio] or found
    if not beside:
        raise LookupError(f"no Service of its usual names ({', '.join(kind.names)}) or labels in any namespace")
    if beside[0].namespace != istio and len({one.namespace for one in beside}) > 1:
        where = ", ".join(f"{one.namespace}/{one.service}" for one in beside)
        raise LookupError(f"several: {where}")
    return beside[0]


def _rank(name: str, names: tuple[str, ...]) -> int:
    return names.index(name) if name in names else len(names)


def _port(doc: Doc, kind: Kind) -> int | None:
    numbers = [int(port["port"]) for port in doc["spec"].get("ports") or []]
    return next((number for number in kind.ports if number in numbers), None)
