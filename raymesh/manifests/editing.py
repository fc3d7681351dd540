"""Edits of YAML text at a node: the smallest change, so that comments, order and layout stay. JSON stays JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache

import yaml

from raymesh.manifests.places import Edit
from raymesh.manifests.reading import Document, parse
from raymesh.manifests.tree import PART

_PLAIN = re.compile(r"[A-Za-z$/][^#?\n,\[\]{}]*[^#?\n,\[\]{}: ]|[A-Za-z]")
_OWN_KEY = re.compile(r"(?P<key>([ \t]*(?:- +)*)[\w./-]+:)[ \t]+")
# What YAML takes for the end of a line, or does not take at all.
_ESCAPED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ud800-\\udfff\\ufffe\\uffff]")
_PROPERTIES = ("&", "!", "*")
_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")


def quoted(text: str) -> str:
    """A string as YAML, in the quotes that need no escapes."""
    if _ESCAPED.search(text) or "\\" in text or ("'" in text and '"' not in text):
        return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
    return "'" + text.replace("'", "''") + "'"


def word(text: str) -> str:
    """A string as YAML, bare where that can't be mistaken."""
    return text if _PLAIN.fullmatch(text) and ": " not in text and text.lower() not in _WORDS else quoted(text)


@lru_cache(maxsize=16)
def is_json(text: str) -> bool:
    """Whether a whole file is JSON: then every edit has to be."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits that touch no other one's characters; new lines end as the text's own do."""
    ending = "\r\n" if "\r\n" in text and text.count("\r\n") * 2 > text.count("\n") else "\n"
    for edit in sorted(edits, key=lambda e: e.start, reverse=True):
        new = edit.text.replace("\r\n", "\n").replace("\n", ending)
        text = text[: edit.start] + new + text[edit.end :]
    return text


def shares(source: str, edit: Edit) -> bool:
    """Whether an edit lies in a part of the text that an alias refers to: it would change more than its own place."""
    return any(start <= edit.end and edit.start <= end for start, end in _shared_spans(source))


@lru_cache(maxsize=16)
def _shared_spans(source: str) -> tuple[tuple[int, int], ...]:
    if "&" not in source or "*" not in source:
        return ()
    found: list[tuple[int, int]] = []
    for doc in parse("", source):
        if isinstance(doc, Document):
            seen: set[int] = set()
            _walk(doc, doc.root, seen, found)
    return tuple(found)


def _walk(doc: Document, node: yaml.Node, seen: set[int], found: list[tuple[int, int]]) -> None:
    """Collect the spans of nodes that are met twice: the composer gives an alias its anchor's node."""
    if id(node) in seen:
        found.append(doc.span(node))
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _walk(doc, key, seen, found)
            _walk(doc, value, seen, found)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _walk(doc, value, seen, found)


def _as_written(doc: Document, text: str) -> str:
    """YAML of one value as it stands in this file: as it is, or as JSON."""
    return json.dumps(yaml.safe_load(text)) if is_json(doc.source) else text


def replace_node(doc: Document, node: yaml.Node, text: str) -> tuple[Edit, ...]:
    """Write `text` in the place of a scalar.

    No edit for one with an anchor or a tag, to which others refer, and none for a part of a longer scalar.
    """
    if isinstance(node, yaml.ScalarNode) and node.style == PART:
        return ()
    start, end = doc.span(node)
    if doc.source[start : start + 1] in _PROPERTIES:
        return ()
    return (Edit(doc.path, start, end, _as_written(doc, text)),)


def set_key(doc: Document, mapping: yaml.Node | None, key: str, text: str) -> tuple[Edit, ...]:
    """Write `key: text` in a mapping; what the key had is replaced. No edit where the mapping's form is not known."""
    if not isinstance(mapping, yaml.MappingNode):
        return ()
    for name, value in reversed(mapping.value):  # of a key that stands twice the last one counts
        if name.value == key:
            return _replace_value(doc, name, value, _as_written(doc, text))
    if is_json(doc.source):
        return _add_line(doc, mapping, f"{json.dumps(key)}: {_as_written(doc, text)}")
    return _add_line(doc, mapping, f"{key}: {text}")


def _replace_value(doc: Document, name: yaml.Node, value: yaml.Node, text: str) -> tuple[Edit, ...]:
    if not isinstance(value, yaml.ScalarNode) or value.style in ("|", ">"):
        return ()
    start, end = doc.span(value)
    if start < doc.span(name)[0] or doc.source[start : start + 1] in _PROPERTIES:
        return ()
    gap = " " if start == doc.span(name)[1] + 1 or start == end else ""
    return (Edit(doc.path, start, end, gap + text),)


def _add_line(doc: Document, mapping: yaml.MappingNode, line: str) -> tuple[Edit, ...]:
    start, _ = doc.span(mapping)
    if mapping.flow_style:
        if not mapping.value:
            return _open_empty(doc, mapping, line)
        return (Edit(doc.path, start + 1, start + 1, f"{line}, "),)
    indent = " " * mapping.start_mark.column
    last = _last_line_end(doc, mapping)
    if last is None:
        return (Edit(doc.path, start, start, f"{line}\n{indent}"),)
    return (Edit(doc.path, last, last, f"\n{indent}{line}"),)


def _open_empty(doc: Document, mapping: yaml.MappingNode, line: str) -> tuple[Edit, ...]:
    """Put the first key into `{}`: below its own key where it stands alone on a line, else between the braces."""
    start, end = doc.span(mapping)
    owner = _OWN_KEY.fullmatch(doc.source, doc.source.rfind("\n", 0, start) + 1, start)
    if owner is None or end - start != len("{}"):
        return (Edit(doc.path, start + 1, start + 1, line),)
    indent = " " * (len(owner[2]) + 2)
    return (Edit(doc.path, owner.end("key"), end, f"\n{indent}{line}"),)


def add_elements(doc: Document, sequence: yaml.Node | None, elements: list[dict[str, str]]) -> tuple[Edit, ...]:
    """Add mappings of one-line values to a list. No edit where the list's form is not known."""
    if not isinstance(sequence, yaml.SequenceNode) or not sequence.value:
        return ()
    if sequence.flow_style:
        flow = "".join(", {" + ", ".join(f"{k}: {v}" for k, v in fields.items()) + "}" for fields in elements)
        if is_json(doc.source):
            flow = "".join(", " + json.dumps({k: yaml.safe_load(v) for k, v in f.items()}) for f in elements)
        at = doc.span(sequence.value[-1])[1]
        return (Edit(doc.path, at, at, flow),)
    last = _last_line_end(doc, sequence.value[-1])
    if last is None:
        return ()
    dash = " " * sequence.start_mark.column + "- "
    inner = "\n" + " " * len(dash)
    text = "".join(f"\n{dash}" + inner.join(f"{k}: {v}" for k, v in fields.items()) for fields in elements)
    return (Edit(doc.path, last, last, text),)


def drop_element(doc: Document, sequence: yaml.Node | None, element: yaml.Node) -> tuple[Edit, ...]:
    """Take a mapping out of a block list, with its lines. No edit for the only element or another form."""
    if not isinstance(sequence, yaml.SequenceNode) or sequence.flow_style or len(sequence.value) < 2:  # noqa: PLR2004 - one must stay
        return ()
    begin, _ = doc.span(element)
    end = _last_line_end(doc, element)
    line = doc.source.rfind("\n", 0, begin) + 1
    if end is None or doc.source[line:begin].strip() != "-":
        return ()
    break_line = doc.source.find("\n", end)
    return (Edit(doc.path, line, len(doc.source) if break_line < 0 else break_line + 1, ""),)


def drop_key(doc: Document, mapping: yaml.Node | None, key: str) -> tuple[Edit, ...]:
    """Take a scalar out of a block mapping, with its line. No edit for the only key or another form."""
    if not isinstance(mapping, yaml.MappingNode) or mapping.flow_style or len(mapping.value) < 2:  # noqa: PLR2004 - one must stay
        return ()
    if sum(name.value == key for name, _ in mapping.value) > 1:
        return ()  # the other one would count then
    for name, value in mapping.value:
        if name.value == key and isinstance(value, yaml.ScalarNode) and value.style not in ("|", ">"):
            begin, end = doc.span(name)[0], doc.source.find("\n", doc.span(value)[1])
            line = doc.source.rfind("\n", 0, begin) + 1
            if doc.source[line:begin].strip() or end < 0:
                return ()
            return (Edit(doc.path, line, end + 1, ""),)
    return ()


def _last_line_end(doc: Document, node: yaml.Node) -> int | None:
    """End of the line on which a node's last scalar ends; None where it ends in another form."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        if not node.value:
            return None
        last = node.value[-1]
        inner = last[1] if isinstance(last, tuple) else last
        if inner.start_mark.index < node.start_mark.index:
            return None  # an alias: its node stands elsewhere
        node = inner
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return None
    end = doc.source.find("\n", doc.span(node)[1])
    return len(doc.source) if end < 0 else end - (doc.source[end - 1] == "\r")
