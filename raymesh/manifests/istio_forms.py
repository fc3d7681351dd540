"""Forms of objects: what a field is, and what is wrong with one that is something else.

A form stands for a schema of the API server and for what istiod's own reader takes: what one of them refuses is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import yaml

from raymesh.manifests.durations import nanoseconds
from raymesh.manifests.reading import Document
from raymesh.manifests.tree import Value, pairs

_TAG = "tag:yaml.org,2002:"
_NULL, _INT, _FLOAT, _BOOL = (f"{_TAG}{name}" for name in ("null", "int", "float", "bool"))
_MILLISECOND = 10**6
INT32, UINT32 = 2**31 - 1, 2**32 - 1


class Text(NamedTuple):
    """A string."""

    least: int = 0

    def wrong(self, node: yaml.ScalarNode) -> str:
        """Numbers and yes or no are no strings; some have to have something in them."""
        if node.tag in (_INT, _FLOAT, _BOOL):
            return "is not a string: quote it"
        return "is empty" if len(node.value) < self.least else ""


class Bytes(NamedTuple):
    """Bytes, as base64."""

    def wrong(self, node: yaml.ScalarNode) -> str:
        """Its characters, in fours."""
        import base64  # noqa: PLC0415 - few objects have any, and start-up should be short

        try:
            base64.b64decode(node.value, validate=True)
        except ValueError:
            return "is no base64"
        return ""


class Words(NamedTuple):
    """One of a few words."""

    words: tuple[str, ...]

    def wrong(self, node: yaml.ScalarNode) -> str:
        """Words are told apart by their letters' case, too."""
        return "" if node.value in self.words else f"is none of {', '.join(self.words)}"


class Number(NamedTuple):
    """A number from `least` to `most`."""

    least: float = -INT32 - 1
    most: float = INT32
    whole: bool = True

    def wrong(self, node: yaml.ScalarNode) -> str:
        """A quoted number is none to the API server."""
        if node.tag not in (_INT, _FLOAT):
            return "is no number"
        try:
            number = float(node.value.replace("_", ""))
        except ValueError:
            return ""  # 0x10 and its like
        if self.whole and not number.is_integer():
            return "is no whole number"
        return "" if self.least <= number <= self.most else f"is not from {self.least:g} to {self.most:g}"


class Switch(NamedTuple):
    """Yes or no."""

    def wrong(self, node: yaml.ScalarNode) -> str:
        """Quoted it is a string."""
        return "" if node.tag == _BOOL else "is neither true nor false"


class Span(NamedTuple):
    """A duration of a millisecond or more; `zero`: or none at all, where that switches something off."""

    zero: bool = False

    def wrong(self, node: yaml.ScalarNode) -> str:
        """Istio takes whole milliseconds only."""
        length = None if node.tag in (_INT, _FLOAT, _BOOL) else nanoseconds(node.value)
        if length is None:
            return "is no duration: write 5s, or 300ms"
        if self.zero and abs(length) < _MILLISECOND:
            return ""
        if length < _MILLISECOND:
            return "is shorter than a millisecond"
        return "" if length % _MILLISECOND == 0 else "is no whole number of milliseconds"


Single = Text | Bytes | Words | Number | Switch | Span  # each says what is wrong with a value, "" for nothing


class Each(NamedTuple):
    """A list of things of one kind."""

    of: object


class Values(NamedTuple):
    """A mapping whose keys are the user's."""

    of: object


class Form(NamedTuple):
    """A mapping with fields that have to be there, and groups of which one may be there at most."""

    fields: Fields
    needs: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()


Fields = Mapping[str, object]  # the forms by their names; None: anything
TEXT, SWITCH, SPAN = Text(), Switch(), Span()
COUNT, PERCENT = Number(0), Number(0, 100)
_SHAPES = {"a list": yaml.SequenceNode, "a mapping": yaml.MappingNode}


def misshapen(doc: Document, node: yaml.Node, known: object, where: str) -> Iterator[tuple[Value, str]]:
    """What is wrong with the form of a node: unknown fields and words, lists and mappings that are none."""
    if known is None or node.tag == _NULL:
        return
    if isinstance(known, Single):
        yield from _single(doc, node, known, where)
        return
    wanted = "a list" if isinstance(known, Each) else "a mapping"
    if not isinstance(node, _SHAPES[wanted]):
        yield Value("", node, doc), f"{where} is not {wanted}"
    elif isinstance(known, Each):
        for element in node.value:
            yield from misshapen(doc, element, known.of, where)
    elif isinstance(known, Values):
        for _, value in pairs(node):
            yield from misshapen(doc, value, known.of, where)
    else:
        assert isinstance(known, Form | Mapping)
        form = known if isinstance(known, Form) else Form(known)
        for key, value in pairs(node):
            name = str(key.value)
            if name in form.fields:
                yield from misshapen(doc, value, form.fields[name], name)
            else:
                yield Value(name, key, doc), f"{where} has no field {name}"
        yield from _together(doc, node, form, where)


def _single(doc: Document, node: yaml.Node, known: Single, where: str) -> Iterator[tuple[Value, str]]:
    if not isinstance(node, yaml.ScalarNode):
        yield Value("", node, doc), f"{where} is not a single value"
    else:
        wrong = known.wrong(node)
        if wrong:
            yield Value(node.value, node, doc), f"{where} {node.value!r} {wrong}"


def _together(doc: Document, node: yaml.Node, form: Form, where: str) -> Iterator[tuple[Value, str]]:
    given = {str(key.value) for key, value in pairs(node) if value.tag != _NULL}
    for name in form.needs:
        if name not in given:
            yield Value("", node, doc), f"{where} without {name}"
    for names in form.one_of:
        both = [name for name in names if name in given]
        if len(both) > 1:
            yield Value("", node, doc), f"{where} with {' and '.join(both)}"
