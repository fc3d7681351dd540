"""Takes secrets out of what is written down: objects are walked, free text is searched, what was taken is counted."""

from __future__ import annotations

import ast
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import yaml

from raymesh.evidence.redaction import names
from raymesh.evidence.redaction.freetext import without_named
from raymesh.evidence.redaction.objects import Walk
from raymesh.evidence.redaction.taken import GONE, Kind, Taken
from raymesh.evidence.redaction.tokens import without_tokens

# What an object of Kubernetes or a kubeconfig says of itself; only such text is worth a YAML parser in a log.
OBJECT = re.compile(r"""(?:^|[\s{,])["']?(?:apiVersion|kind)["']?\s*:""")
# Text inside a value that is YAML: an entry at the start of a line, and more lines.
ENTRIES = re.compile(r"\A\s*(?:---\s*\n|#[^\n]*\n)*[\"']?[\w./-]+[\"']?:(?:[ \t][^\n]*)?\n|\A\s*- ")
BRACES = re.compile(r"[{\[]")
STRING = re.compile(r'"(?:[^"\\\n]|\\.){8,}"')  # in quotes
COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
MOST_TRIES = 50  # braces of one line that may begin an object
LONGEST_LEAF = 20_000  # characters of a value that is kept in the cache
READS = (ValueError, RecursionError, MemoryError, TypeError, SyntaxError, yaml.YAMLError)


class Form(StrEnum):
    """What a text is, and so how it is read."""

    OBJECT = "object"  # JSON or YAML: a witness's answer, a manifest
    TEXT = "text"  # a log, a report, anything for people
    XML = "xml"  # what pytest writes: text between tags


@dataclass(frozen=True)
class Redacted:
    """A text without its secrets, and how often something was taken out, by kind."""

    text: str
    counts: Counter[str]


def redact(text: str, form: Form = Form.TEXT) -> Redacted:
    """Return `text` without its secrets, word for word as it was where it has none.

    An object is taken apart and put together again; one that looks like Kubernetes' and can't be read is left out
    whole. A log keeps its lines.
    """
    taken: Taken = Counter()
    if form is Form.XML:
        new = _xml(text, taken)
    else:
        found = _whole(text, taken, may_be_yaml=form is Form.OBJECT or OBJECT.search(text) is not None)
        if found is not None:
            new = found
        elif form is Form.OBJECT and OBJECT.search(text):
            taken[Kind.UNREADABLE] += 1
            new = f"{GONE}: it names objects and is neither YAML nor JSON\n"
        else:
            new = _text(text, taken)
    return Redacted(new, +taken)


def _whole(text: str, taken: Taken, *, may_be_yaml: bool) -> str | None:
    """Clean a text that is one object, or YAML of several; None where it is neither."""
    start = text.lstrip()[:1]
    if start in {"{", "["}:
        try:
            reader = _Json()
            value = reader.decode(text.strip())
            return _walked(text, value, taken, reader.lossy, indent=2 if "\n" in text.strip() else None)
        except READS:
            pass
        try:
            value = ast.literal_eval(text.strip())
            return _rewritten(text, value, taken, repr)
        except READS:
            pass
    if may_be_yaml:
        try:
            return _yaml(text, taken)
        except READS:
            pass
    return None


class _Json(json.JSONDecoder):
    """Reads JSON, and notices that a name stands twice in an object: the first value would go unseen."""

    def __init__(self) -> None:
        self.lossy = False
        super().__init__(object_pairs_hook=self._object)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self.lossy = self.lossy or (len(made) < len(pairs) and any(made[name] != value for name, value in pairs))
        return made


class _Yaml(yaml.CSafeLoader):
    """Reads YAML of any tag; a name that stands twice is noticed."""

    lossy = False

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(made) < len(node.value):
            self.lossy = True
        return made


def _any_tag(loader: _Yaml, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]  # what is neither of the others is a scalar


_Yaml.add_multi_constructor("", _any_tag)


def _yaml(text: str, taken: Taken) -> str | None:
    loader = _Yaml(text)
    documents: list[Any] = []
    try:
        while loader.check_node():
            documents.append(loader.construct_document(loader.get_node()))
    finally:
        loader.dispose()
    if not any(isinstance(document, dict | list) for document in documents):
        return None
    inside: Taken = Counter()
    walked = [Walk(_leaf, inside, _most(text)).value(document) for document in documents]
    inside[Kind.TWICE] += loader.lossy
    if +inside:
        taken.update(inside)
        return str(yaml.safe_dump_all(walked, sort_keys=False, allow_unicode=True, width=120))
    return COMMENT.sub(lambda found: _text(found[0], taken), text)


def _walked(text: str, value: Any, taken: Taken, lossy: bool, indent: int | None) -> str:
    inside: Taken = Counter()
    walked = Walk(_leaf, inside, _most(text)).value(value)
    inside[Kind.TWICE] += lossy
    taken.update(inside)
    return json.dumps(walked, indent=indent, ensure_ascii=False) if +inside else text


def _rewritten(text: str, value: Any, taken: Taken, write: Any) -> str:
    inside: Taken = Counter()
    walked = Walk(_leaf, inside, _most(text)).value(value)
    taken.update(inside)
    return str(write(walked)) if +inside else text


def _most(text: str) -> int:
    """Return how many values an object of this text may have: without aliases it has fewer than characters."""
    return 1000 + len(text)


def _leaf(text: str, taken: Taken) -> str:
    """Clean one value of an object; most come again and again, so what was found is kept."""
    if len(text) > LONGEST_LEAF:
        return _value(text, taken)
    new, found = _kept(text)
    taken.update(dict(found))
    return new


@lru_cache(50_000)
def _kept(text: str) -> tuple[str, tuple[tuple[str, int], ...]]:
    inside: Taken = Counter()
    new = _value(text, inside)
    return new, tuple((+inside).items())


def _value(text: str, taken: Taken) -> str:
    """Clean a value, which may be an object itself: JSON in JSON, YAML in a ConfigMap."""
    found = _whole(text, taken, may_be_yaml="\n" in text and ENTRIES.search(text) is not None)
    return _text(text, taken) if found is None else found


def _text(text: str, taken: Taken) -> str:
    """Clean free text: objects in its lines first, then what is known by its name, then by its form."""
    if "\\n" in text:
        text = STRING.sub(lambda found: _unescaped(found[0], taken) if "\\n" in found[0] else found[0], text)
    if "{" in text or "[" in text:
        text = _with_objects(text, taken)
    text = without_named(text, taken)
    return without_tokens(text, taken, _text)


def _unescaped(literal: str, taken: Taken) -> str:
    """Clean what a string in quotes says, lines and all; as it was, where it says nothing secret."""
    inside: Taken = Counter()
    try:
        new = _value(json.loads(literal), inside)
    except READS:
        return literal
    taken.update(inside)
    return json.dumps(new, ensure_ascii=False) if +inside else literal


def _with_objects(text: str, taken: Taken) -> str:
    """Walk the JSON and the Python objects that stand inside lines."""
    parts: list[str] = []
    end, tries, line_end = 0, 0, 0
    for brace in BRACES.finditer(text):
        start = brace.start()
        if start < end:
            continue
        if start >= line_end:
            tries, line_end = 0, text.find("\n", start) % (len(text) + 1)
        tries += 1
        if tries > MOST_TRIES or text[start + 1 : start + 2] not in _BEGINNINGS:
            continue
        new, stop = _object_at(text, start, taken)
        if stop > start:
            parts += [text[end:start], new]
            end = stop
    return "".join([*parts, text[end:]])


_BEGINNINGS = {'"', "'", "{", "[", "\n", " "}


def _object_at(text: str, start: int, taken: Taken) -> tuple[str, int]:
    reader = _Json()
    try:
        value, stop = reader.raw_decode(text, start)
        return _walked(text[start:stop], value, taken, reader.lossy, None), stop
    except READS:
        pass
    stop = _closing(text, start)
    try:
        value = ast.literal_eval(text[start:stop])
        return _rewritten(text[start:stop], value, taken, repr), stop
    except READS:
        return "", start


def _closing(text: str, start: int) -> int:
    """Return where the bracket at `start` is closed within its line, `start` where it is not."""
    depth, quote, at = 0, "", start
    while at < len(text) and text[at] != "\n":
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char in "{[(":
            depth += 1
        elif char in "}])":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return start


def _xml(text: str, taken: Taken) -> str:
    try:
        root = ET.fromstring(text)  # noqa: S314 - pytest wrote it
    except ET.ParseError:
        return _text(text, taken)
    for element in root.iter():
        named = element.get("name", "")
        for name, value in element.attrib.items():
            if names.is_secret(name) or (name == "value" and names.is_secret(named)):
                taken[Kind.NAMED] += value != GONE
                element.set(name, GONE)
            else:
                element.set(name, _value(value, taken))
        for part in ("text", "tail"):
            value = getattr(element, part)
            if value and value.strip():
                setattr(element, part, _value(value, taken))
    return ET.tostring(root, encoding="unicode", xml_declaration=True) if +taken else text


def summary(counts: Mapping[str, int]) -> str:
    """Say in one line what was taken out, for the report."""
    found = [f"{number} {kind}" for kind, number in sorted(counts.items()) if number]
    return f"taken out of the artifacts: {', '.join(found) or 'nothing'}"
