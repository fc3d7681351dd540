"""Manifests as data: read the YAML of manifests/, patch it, write it for kubectl."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from raymesh.errors import UsageError
from raymesh.paths import ROOT

Doc = dict[str, Any]
FOLDER = ROOT / "manifests"


def load(name: str) -> list[Doc]:
    """Return the documents of manifests/NAME."""
    return parse((FOLDER / name).read_text())


def parse(text: str) -> list[Doc]:
    """Return the documents of a YAML stream; with libyaml, for KubeRay's alone have 50,000 lines."""
    return [doc for doc in yaml.load_all(text, Loader=yaml.CSafeLoader) if doc]


def dump(docs: Iterable[Doc]) -> str:
    """Return documents as YAML that kubectl takes."""
    return str(yaml.dump_all(list(docs), Dumper=yaml.CSafeDumper, sort_keys=False))


def patched(doc: Doc, changes: Doc) -> Doc:
    """Return `doc` with `changes` laid over it: maps are merged, anything else is replaced."""
    result = copy.deepcopy(doc)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = patched(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def cluster_spec(doc: Doc) -> Doc:
    """Return the spec of the RayCluster that an object of KubeRay's is or has; an empty one where it has none."""
    spec: Doc = doc.get("spec") or {}
    inner = {"RayCluster": None, "RayJob": "rayClusterSpec", "RayService": "rayClusterConfig"}
    if doc["kind"] not in inner:
        return {}
    key = inner[doc["kind"]]
    found: Doc = spec if key is None else spec.get(key) or {}
    return found


def pod_templates(doc: Doc) -> Iterator[Doc]:
    """Yield every pod template of a workload or of KubeRay's kinds, for changes in place."""
    spec, cluster = doc.get("spec") or {}, cluster_spec(doc)
    if cluster:
        yield cluster["headGroupSpec"]["template"]
        for group in cluster.get("workerGroupSpecs") or []:
            yield group["template"]
        if "submitterPodTemplate" in spec:
            yield spec["submitterPodTemplate"]
    elif "template" in spec:
        yield spec["template"]
    elif doc["kind"] == "Pod":
        yield doc


def with_images(docs: Iterable[Doc], images: Mapping[str, str]) -> list[Doc]:
    """Return the documents with each container image replaced by what `images` maps it to.

    Raises UsageError for an image that is not in the map: nothing may be pulled by surprise.
    """
    result = copy.deepcopy(list(docs))
    for doc in result:
        for template in pod_templates(doc):
            for container in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
                if container["image"] not in images:
                    raise UsageError(
                        f"{doc['kind']} {doc['metadata']['name']}: no image is mapped to {container['image']}"
                    )
                container["image"] = images[container["image"]]
    return result
