"""Which files kustomize makes other objects of: what stands in them is a part, not what a cluster will see."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import fields

import yaml

from raymesh.frozen import frozen
from raymesh.manifests.objects import Cluster, Group, Objects
from raymesh.manifests.policies import Kustomization
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value, child, elements, pairs, scalar

_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_GROUP = "kustomize.config.k8s.io"
_KINDS = ("Kustomization", "Component")
_LISTS = ("resources", "bases", "components")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
# Keys after which the objects that rules look at are still the same.
_HARMLESS = {
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "bases",
    "namespace",
    "commonAnnotations",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "buildMetadata",
    "sortOptions",
    "openapi",
    "crds",
}


@frozen
class Unrendered:
    """What can't be judged before it is rendered."""

    paths: frozenset[str] = frozenset()
    tops: tuple[Kustomization, ...] = ()  # kustomizations to build, those that hold a Ray cluster
    parts: tuple[Cluster, ...] = ()  # clusters that are no whole objects, without a kustomization

    def holds(self, path: str) -> bool:
        """Whether a file is among them, however its path is written."""
        return bool(self.paths) and _normal(path) in self.paths


def is_kustomization(doc: Document, root: yaml.Node, kind: str | None) -> bool:
    """Whether a document is kustomize's own: by its kind, or by its file's name where it has none."""
    if kind is None:
        return posixpath.basename(doc.path) in _FILES
    version = scalar(doc, root, "apiVersion") if kind in _KINDS else None
    return kind in _KINDS and (version is None or version.text.startswith(_GROUP + "/"))


def kustomization(doc: Document, root: yaml.Node) -> Kustomization:
    """Read a kustomization."""
    keys = [Value(key.value, key, doc) for key, _ in pairs(root) if isinstance(key, yaml.ScalarNode)]
    resources = [v for name in _LISTS for v in _files(doc, child(root, name))]
    patches = [v for name in _PATCHES for v in _files(doc, child(root, name))]
    kind = scalar(doc, root, "kind")
    changes = any(key.text not in _HARMLESS for key in keys) or (kind is not None and kind.text == "Component")
    first = keys[0] if keys else Value("", root, doc)
    return Kustomization(first, doc, tuple(resources), tuple(patches), changes)


def _files(doc: Document, node: yaml.Node | None) -> Iterator[Value]:
    """Paths in a list: as words, or under `path`. What spans lines is a patch itself."""
    for item in elements(node):
        value = Value(item.value, item, doc) if isinstance(item, yaml.ScalarNode) else scalar(doc, item, "path")
        if value and "\n" not in value.text:
            yield value


def split(objects: Objects) -> tuple[Objects, Unrendered]:
    """Objects that are whole, and what has to be rendered first."""
    parts = tuple(c for c in objects.clusters if any(_is_part(g) for g in c.groups))
    if not objects.kustomizations and not parts:
        return objects, Unrendered()
    paths = _touched(objects.kustomizations)
    found = Unrendered(paths)
    unrendered = Unrendered(paths, _tops(objects, paths), tuple(c for c in parts if not found.holds(c.doc.path)))
    left_out = {id(c) for c in parts}
    whole = {
        f.name: [o for o in getattr(objects, f.name) if id(o) not in left_out and not found.holds(o.doc.path)]
        for f in fields(objects)
    }
    return Objects(**whole), unrendered


def _is_part(group: Group) -> bool:
    """Whether a group says nothing of its containers; an empty list says that there are none."""
    return group.ray is None and child(group.node, "template", "spec", "containers") is None


class _Tree:
    """Kustomizations by their folder."""

    def __init__(self, found: Sequence[Kustomization]) -> None:
        self.folders = {_folder(k): k for k in found}

    def below(self, top: Kustomization, seen: set[str]) -> Iterator[str]:
        """Every file that goes into what a kustomization makes, and the folders of those it builds upon."""
        folder = _folder(top)
        for value in (*top.resources, *top.patches):
            path = _normal(posixpath.join(folder, value.text))
            if path in seen:
                continue
            seen.add(path)
            yield path
            if path in self.folders:
                yield from self.below(self.folders[path], seen)


def _touched(found: Sequence[Kustomization]) -> frozenset[str]:
    """Files whose objects are changed, or are parts, under the names that documents have."""
    tree = _Tree(found)
    paths: set[str] = set()
    for k in found:
        if k.changes:
            paths.update(tree.below(k, set()))
        folder = _folder(k)
        paths.update(_normal(posixpath.join(folder, v.text)) for v in k.patches)
    return frozenset(paths)


def _tops(objects: Objects, paths: frozenset[str]) -> tuple[Kustomization, ...]:
    """Kustomizations that no other one builds upon, and that hold a Ray cluster among what they change."""
    tree = _Tree(objects.kustomizations)
    rays = {_normal(c.doc.path) for c in objects.clusters} & paths
    below = {id(k): set(tree.below(k, set())) for k in objects.kustomizations}
    used = set().union(*below.values()) if below else set()
    changing = {_folder(k) for k in objects.kustomizations if k.changes}
    return tuple(
        k
        for k in objects.kustomizations
        if _folder(k) not in used and changing & {_folder(k), *below[id(k)]} and rays & below[id(k)]
    )


def _folder(one: Kustomization) -> str:
    return posixpath.dirname(_normal(one.doc.path)) or "."


def _normal(path: str) -> str:
    return posixpath.normpath(path)
