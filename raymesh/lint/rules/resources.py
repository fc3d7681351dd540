"""RM041 to RM045: objects that are there twice or that KubeRay does not know, and suppressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import SUPPRESSES_NOTHING, UNCLEAR_SUPPRESSION, Hit, rule
from raymesh.manifests.clusters import API_GROUP
from raymesh.manifests.fields import KINDS, Fields
from raymesh.manifests.places import Place
from raymesh.manifests.relating import World
from raymesh.manifests.resources import Identity, Resource


@rule("RM041", Severity.WARNING, "same object twice")
def rm041(world: World) -> Iterator[Hit]:
    """A cluster or its Service stands in the input a second time: kubectl keeps the last, a mesh sees one."""
    first: dict[Identity, Resource] = {}
    services = {service.name.place for _, service in world.pairs}
    for resource in world.objects.resources:
        name = _name(resource)
        if not resource.name or not (resource.group == API_GROUP or (name and resource.doc.place(name) in services)):
            continue
        earlier = first.setdefault(resource.identity, resource)
        if earlier is not resource:
            yield Hit(
                resource.doc.place(name or resource.node),
                f"{resource} is also at {earlier.place}: whichever is applied last stays",
                "take one out; environments go into a folder each, or into a run each",
            )


@rule("RM042", Severity.ERROR, "kind that KubeRay does not know")
def rm042(world: World) -> Iterator[Hit]:
    """The API group is Ray's, the kind is none of its kinds."""
    for resource in world.objects.resources:
        if resource.group == API_GROUP and resource.kind not in KINDS:
            yield Hit(
                resource.doc.place(_value(resource.node, "kind") or resource.node),
                f"{API_GROUP} has no kind {resource.kind}: the API server refuses it, and nothing of it was checked",
                _like(resource.kind, KINDS) or f"one of {', '.join(sorted(KINDS))}",
            )


@rule("RM043", Severity.WARNING, "key that KubeRay does not know")
def rm043(world: World) -> Iterator[Hit]:
    """The API server drops a key that is not in the CRD, or refuses the object: what it says has no effect."""
    for resource in world.objects.resources:
        if resource.group == API_GROUP and resource.kind in KINDS:
            spec = _value(resource.node, "spec")
            if spec is not None:
                yield from _unknown(resource, spec, KINDS[resource.kind], "spec")


@rule(UNCLEAR_SUPPRESSION, Severity.ERROR, "suppression without a rule or a reason")
def rm044(_: World) -> Iterable[Hit]:
    """Found in comments and annotations, by raymesh.lint.suppress."""
    return ()


@rule(SUPPRESSES_NOTHING, Severity.WARNING, "suppression of nothing")
def rm045(_: World) -> Iterable[Hit]:
    """Known when all findings are, to raymesh.lint.suppress."""
    return ()


def _unknown(resource: Resource, node: yaml.Node, known: Fields, where: str) -> Iterator[Hit]:
    if isinstance(node, yaml.SequenceNode):
        for element in node.value:
            yield from _unknown(resource, element, known, where)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        name = key.value
        if not isinstance(name, str) or name == "<<":
            continue
        inner = known.get(name, ...)
        if inner is ...:
            like = _like(name, known)
            yield Hit(_place(resource, key), f"{where} of {resource} has no key {name}: it has no effect", like)
        elif inner is not None:
            yield from _unknown(resource, value, inner, name)


def _like(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - for findings alone, and start-up should be short

    found = get_close_matches(word, known, n=1)
    return f"do you mean {found[0]}?" if found else ""


def _place(resource: Resource, node: yaml.Node) -> Place:
    return resource.doc.place(node)


def _value(node: yaml.Node, key: str) -> yaml.Node | None:
    own = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for k, value in own if k.value == key), None)


def _name(resource: Resource) -> yaml.Node | None:
    metadata = _value(resource.node, "metadata")
    return _value(metadata, "name") if metadata is not None else None
