"""Reads values out of YAML nodes by path, with the shape checked once: what rules see is well-formed."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import lru_cache
from typing import NamedTuple

import yaml

from raymesh.manifests.places import Place
from raymesh.manifests.reading import UNRENDERED, Document

_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_STR = "tag:yaml.org,2002:str"
PART = "part"  # the style of a node that is only a part of a scalar
_MOST_DIGITS = 18
_TRUE = ("true", "yes", "on")


# What YAML's words mean, for people who write manifests.
_MEANT = {
    "a mapping": "a mapping (key: value)",
    "a list": "a list (one `- ` an element)",
    "a scalar": "a single value",
}


class ShapeError(Exception):
    """A node is not what Kubernetes takes at its place."""

    def __init__(self, node: yaml.Node, want: str) -> None:
        super().__init__(f"must be {_MEANT.get(want, want)}, found {_found(node)}")
        self.node = node

    def inside(self, root: yaml.Node) -> str:
        """What is wrong, by the key that the node is under: `spec` must be a mapping (key: value), found a list."""
        key = _key_of(root, self.node)
        return f"`{key}` {self}" if key else f"this {self}"


class UnrenderedError(ShapeError):
    """A node is a template's expression, where its result should stand."""

    def __init__(self, node: yaml.Node) -> None:
        super().__init__(node, "the result of a template")

    def __str__(self) -> str:
        return UNRENDERED

    def inside(self, root: yaml.Node) -> str:  # noqa: ARG002 - wherever it stands
        """The same for every key."""
        return str(self)


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else f"the value {node.value!r}"


def _key_of(root: yaml.Node, wanted: yaml.Node) -> str:
    """The key that a node stands under, itself or as an element of a list; empty for one that has none."""
    waiting: list[tuple[yaml.Node, str]] = [(root, "")]
    seen: set[int] = set()
    while waiting:
        node, key = waiting.pop()
        if node is wanted:
            return key
        if id(node) in seen:
            continue  # an alias
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [(v, str(k.value)) for k, v in node.value if isinstance(k, yaml.ScalarNode)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(element, key) for element in node.value]
    return ""


@lru_cache(maxsize=1 << 12)
def _number(text: str) -> int | None:
    """The same few numbers stand in manifests again and again, and rules ask for them many times."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


class Value(NamedTuple):
    """A scalar with its place. A tuple: a run makes many, and a dataclass that is frozen takes thrice the time."""

    text: str
    node: yaml.Node
    doc: Document

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.doc.place(self.node)

    @property
    def is_string(self) -> bool:
        """Whether Kubernetes takes it for a string."""
        return bool(self.node.tag == _STR)

    @property
    def number(self) -> int | None:
        """It as a whole number, None if it is none that Kubernetes knows."""
        return _number(self.text)

    @property
    def true(self) -> bool:
        """Whether it says yes."""
        return self.text.lower() in _TRUE


def part(of: Value, text: str) -> Value:
    """A word inside a longer scalar: it has a place, and nothing that could be written over."""
    mark = of.node.start_mark
    return Value(text, yaml.ScalarNode(_STR, text, mark, mark, PART), of.doc)


def pairs(node: yaml.Node | None, want: str = "a mapping") -> list[tuple[yaml.Node, yaml.Node]]:
    """Keys and values of a mapping, merge keys (`<<`) resolved; own keys win. None and null have none."""
    if node is None or node.tag == _NULL:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise ShapeError(node, want)
    own = [(k, v) for k, v in node.value if k.tag != _MERGE]
    if len(own) == len(node.value):
        return own
    return [*_merged(node, own), *own]


def _merged(node: yaml.MappingNode, own: list[tuple[yaml.Node, yaml.Node]]) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Pairs that merge keys bring in, one level deep: what templating tools write."""
    taken = {k.value for k, _ in own if isinstance(k, yaml.ScalarNode)}
    for key, value in node.value:
        if key.tag != _MERGE:
            continue
        for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if not isinstance(source, yaml.MappingNode):
                raise ShapeError(source, "a mapping to merge")
            for k, v in source.value:
                if isinstance(k, yaml.ScalarNode) and k.tag != _MERGE and k.value not in taken:
                    taken.add(k.value)
                    yield k, v


def child(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The node at a path of keys, None if a step is missing or null."""
    for name in path:
        node = _lookup(node, name)
    return None if node is None or node.tag == _NULL else node


def _lookup(node: yaml.Node | None, name: str) -> yaml.Node | None:
    found = None
    if isinstance(node, yaml.MappingNode):  # the common case, without a list of pairs
        for key, value in node.value:
            word = key.value
            if word == name:
                found = value
            elif word == "<<" and key.tag == _MERGE:
                return next((v for k, v in reversed(pairs(node)) if k.value == name), None)
        return found
    return next((v for k, v in pairs(node) if k.value == name), None)


def elements(node: yaml.Node | None) -> list[yaml.Node]:
    """The elements of a list; none for None and null."""
    if node is None or node.tag == _NULL:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise ShapeError(node, "a list")
    return list(node.value)


def scalar(doc: Document, node: yaml.Node | None, *path: str) -> Value | None:
    """The scalar at a path, None if it is missing or null."""
    found = child(node, *path)
    if found is None:
        return None
    if not isinstance(found, yaml.ScalarNode):
        raise ShapeError(found, "a scalar")
    return Value(found.value, found, doc)


def fields(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """What a mapping has, without nulls: one walk where many keys are asked for."""
    if isinstance(node, yaml.MappingNode):  # the common case, without a list of pairs
        try:
            found = {key.value: value for key, value in node.value if value.tag != _NULL}
        except TypeError:
            found = {"<<": node}  # a key that is no scalar
        if "<<" not in found:
            return found
    return {str(k.value): v for k, v in pairs(node) if isinstance(k, yaml.ScalarNode) and v.tag != _NULL}


def picked(doc: Document, node: yaml.Node | None, names: Container[str]) -> dict[str, Value]:
    """The scalars of a mapping under these names, none for null: one walk where many are asked for."""
    found = {}
    for name, value in fields(node).items():
        if name in names:
            if not isinstance(value, yaml.ScalarNode):
                raise ShapeError(value, "a scalar")
            found[name] = Value(value.value, value, doc)
    return found


def scalars(doc: Document, node: yaml.Node | None) -> dict[str, Value]:
    """A mapping of names to scalars, such as labels."""
    found = {}
    for key, value in pairs(node):
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
            raise ShapeError(value, "a scalar")
        found[key.value] = Value(value.value, value, doc)
    return found
