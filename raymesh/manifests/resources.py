"""Which object stands where: for groups, suppressions, baselines, and for the template that an object comes from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import field

import yaml

from raymesh.frozen import frozen
from raymesh.manifests.origins import ANNOTATION, Origin, kustomize_origin
from raymesh.manifests.places import Place
from raymesh.manifests.reading import Document

_SOURCE = re.compile(r"^# Source: (?P<path>\S.*?)\s*$", re.MULTILINE)  # what `helm template` writes above an object
Identity = tuple[str, str, str, str]


@frozen
class Resource:
    """One object of Kubernetes: what it is, and where it begins."""

    kind: str
    group: str  # of its apiVersion, empty for the core group
    namespace: str
    name: str
    place: Place
    node: yaml.Node = field(compare=False)
    doc: Document = field(compare=False)
    annotations: dict[str, str] = field(default_factory=dict, compare=False)
    origin: Origin | None = None

    @property
    def identity(self) -> Identity:
        """What may exist once in a cluster."""
        return self.group, self.kind, self.namespace, self.name

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


def resources(doc: Document) -> list[Resource]:
    """The objects of a document, those of a List one by one. What is no object is none."""
    source = _SOURCE.search(doc.source, doc.offset, doc.span(doc.root)[0])
    return list(_resources(doc, doc.root, Origin(source["path"], of_chart=True) if source else None))


def _resources(doc: Document, root: yaml.Node, origin: Origin | None) -> Iterator[Resource]:
    if not isinstance(root, yaml.MappingNode):
        return
    kind = _text(root, "kind")
    items = _get(root, "items") if kind.endswith("List") else None
    if kind.endswith("List") and isinstance(items, yaml.SequenceNode):
        for item in items.value:
            if item is not root and not _text(item, "kind").endswith("List"):
                yield from _resources(doc, item, origin)
    elif kind:
        metadata = _get(root, "metadata")
        annotations = _annotations(metadata)
        yield Resource(
            kind=kind,
            group=_text(root, "apiVersion").rpartition("/")[0],
            namespace=_text(metadata, "namespace"),
            name=_text(metadata, "name"),
            place=doc.place(root),
            node=root,
            doc=doc,
            annotations=annotations,
            origin=kustomize_origin(annotations.get(ANNOTATION, "")) or origin,
        )


def _get(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The node at a path; None where something else stands on the way: the shape is judged elsewhere."""
    found: yaml.Node | None = node
    for name in path:
        own = found.value if isinstance(found, yaml.MappingNode) else ()
        found = next((value for key, value in reversed(own) if key.value == name), None)
    return found


def _text(node: yaml.Node | None, *path: str) -> str:
    found = _get(node, *path)
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""


def _annotations(metadata: yaml.Node | None) -> dict[str, str]:
    found = _get(metadata, "annotations")
    if not isinstance(found, yaml.MappingNode):
        return {}
    return {k.value: v.value for k, v in found.value if isinstance(k.value, str) and isinstance(v, yaml.ScalarNode)}


class Index:
    """Finds the object that a place lies in."""

    def __init__(self, found: Iterable[Resource]) -> None:
        self._sorted = sorted(found, key=lambda r: r.place)
        self._places = [r.place for r in self._sorted]

    def at(self, place: Place) -> Resource | None:
        """The object that begins at a place or last before it in the same file."""
        before = bisect_right(self._places, place)
        nearest = self._sorted[before - 1] if before else None
        return nearest if nearest and nearest.place.path == place.path else None
