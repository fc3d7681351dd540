"""A right cluster with objects of the mesh around it: what each adds, and what pods say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from raymesh.lint.run import lint_texts
from raymesh.manifests.relating import Options
from tests.unit.lint.examples import CLEAN

Cluster = dict[str, Any]
MINE = {"matchLabels": {"ray.io/cluster": "mine"}}
HEAD = {"matchLabels": {"ray.io/cluster": "mine", "ray.io/node-type": "head"}}
APIS = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "PeerAuthentication": "security.istio.io/v1",
    "RequestAuthentication": "security.istio.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Sidecar": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "VirtualService": "networking.istio.io/v1",
    "ServiceEntry": "networking.istio.io/v1",
    "Namespace": "v1",
}


def thing(kind: str, spec: Any = None, *, name: str = "it", space: str | None = "default", **metadata: Any) -> str:
    """An object as YAML."""
    where = {"name": name, **({"namespace": space} if space and kind != "Namespace" else {}), **metadata}
    told = {"apiVersion": APIS[kind], "kind": kind, "metadata": where}
    return yaml.safe_dump(told | ({"spec": spec} if spec is not None else {}), sort_keys=False)


def namespace(labels: dict[str, Any], name: str = "default", **metadata: Any) -> str:
    """A Namespace with labels."""
    return thing("Namespace", name=name, labels=labels, **metadata)


def changed(change: Callable[[Cluster], None]) -> str:
    """The right cluster and its Service, with something done to the cluster."""
    service, cluster = yaml.safe_load_all(CLEAN)
    change(cluster)
    return yaml.safe_dump_all([service, cluster], sort_keys=False, width=10**6)


def groups(cluster: Cluster) -> list[Cluster]:
    """The head and the workers."""
    return [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]


def pods(*, labels: Any = None, annotations: Any = None, spec: Any = None, only: int | None = None) -> str:
    """The right cluster with more in its pod templates; `only` one group's."""

    def change(cluster: Cluster) -> None:
        for i, group in enumerate(groups(cluster)):
            if only in (None, i):
                template = group["template"]
                template["metadata"]["labels"].update(labels or {})
                template["metadata"].setdefault("annotations", {}).update(annotations or {})
                template["spec"].update(spec or {})

    return changed(change)


def found(*texts: str, options: Options | None = None) -> list[str]:
    """Rules of all findings of texts that are judged together, without notes on what is merely good to know."""
    sources = {f"{i}.yaml": text for i, text in enumerate(texts)}
    return [f.rule for f in lint_texts(sources, options).findings]


def messages(*texts: str) -> list[str]:
    """What is said of texts, with the rule before it."""
    sources = {f"{i}.yaml": text for i, text in enumerate(texts)}
    return [f"{f.rule} {f.message}" for f in lint_texts(sources).findings]
