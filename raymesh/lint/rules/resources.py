"""RM041 to RM045: objects that are there twice or that KubeRay does not know, and suppressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from raymesh.lint.diagnostics import Severity
from raymesh.lint.registry import SUPPRESSES_NOTHING, UNCLEAR_SUPPRESSION, Hit, rule
from raymesh.manifests.clusters import API_GROUP
from raymesh.manifests.collecting import GROUPS
from raymesh.manifests.fields import KINDS, Fields
from raymesh.manifests.places import Place
from raymesh.manifests.relating import World
from raymesh.manifests.resources import Identity, Resource
from raymesh.manifests.surroundings import DEFAULT_NAMESPACE, ROOT_NAMESPACE

_POLICIES = ("AuthorizationPolicy", "NetworkPolicy", "PeerAuthentication", "RequestAuthentication", "Sidecar")


@rule("RM041", Severity.WARNING, "same object twice")
def rm041(world: World) -> Iterator[Hit]:
    """An object stands in the input a second time: kubectl keeps the last, a mesh sees one."""
    first: dict[Identity, Resource] = {}
    services = {service.name.place for _, service in world.pairs}
    spaces = {member.cluster.namespace or DEFAULT_NAMESPACE for member in world.members}
    for resource in world.objects.resources:
        name = _name(resource)
        around = _stands_around(resource, spaces)
        ours = resource.group == API_GROUP or around or (name and resource.doc.place(name) in services)
        if not resource.name or not ours:
            continue
        earlier = first.setdefault(resource.identity, resource)
        if earlier is not resource and not (around and _says(earlier.node) == _says(resource.node)):
            yield Hit(
                resource.doc.place(name or resource.node),
                f"{resource} is also at {earlier.place}"
                + (", and says something else there" if around else "")
                + ": whichever is applied last stays",
                "take one out; environments go into a folder each, or into a run each",
            )


def _stands_around(resource: Resource, spaces: set[str]) -> bool:
    """Whether it is the namespace of a cluster, or one of the policies that are looked at there."""
    if resource.kind == "Namespace" and not resource.group:
        return resource.name in spaces
    of_pods = resource.kind in _POLICIES and GROUPS.get(resource.kind) == resource.group
    return of_pods and (resource.namespace or DEFAULT_NAMESPACE) in {*spaces, ROOT_NAMESPACE}


def _says(node: yaml.Node) -> object:
    """What a part of an object says, whatever the order of its keys."""
    if isinstance(node, yaml.MappingNode):
        return frozenset((str(key.value), _says(value)) for key, value in node.value)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_says(element) for element in node.value)
    return str(node.value)


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
