"""Reads manifests: bytes to documents with positions. Whatever is wrong with them is told with its place."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from raymesh.frozen import frozen
from raymesh.manifests.aliases import repeated
from raymesh.manifests.loading import Loader
from raymesh.manifests.places import Place, Unread

STDIN = "-"
MISSING = "no such file or folder"
SUFFIXES = (".yaml", ".yml", ".json")
# Folders of other people's files, or of no manifests. Those whose names begin with a dot are skipped, too.
SKIPPED = ("vendor", "node_modules", "venv", "site-packages", "__pycache__")
# Kubernetes refuses objects above 1.5 MB; a file of thousands of them still fits.
LARGEST_FILE = 64 * 1024 * 1024
DEEPEST = 200
MOST_REPEATED = 100_000
# A document marker is one at the start of a line, even inside a block scalar: the YAML specification forbids it there.
_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%(?:YAML|TAG)\b.*$", re.MULTILINE)
_TEMPLATE = re.compile(r"\{\{|<%|\{%")
UNRENDERED = "a template that is not rendered: pipe the output of `helm template` into `-`"
_OURS = re.compile(
    r"ray\.io/|\bRay(?:Cluster|Job|Service|CronJob)\b|istio\.io/|node-manager-port|clusterIP['\"]?: *['\"]?None\b"
)
# Only text that has one of these can be nested so deeply: a level takes a bracket, or a column for two of them.
_DEEP_LINES = re.compile(rf"^[-? \t]{{{DEEPEST // 2}}}", re.MULTILINE)


@frozen
class Document:
    """One YAML document, and where it starts in its file."""

    path: str
    root: yaml.Node
    line: int  # lines before it in the file
    offset: int  # characters before it in the file
    source: str  # text of the whole file
    braced: bool = False  # whether it has doubled braces, as a template's expressions have

    def place(self, node: yaml.Node) -> Place:
        """Where a node of this document starts."""
        return Place(self.path, self.line + node.start_mark.line + 1, node.start_mark.column + 1)

    def span(self, node: yaml.Node) -> tuple[int, int]:
        """The characters of the file that a node covers."""
        return self.offset + node.start_mark.index, self.offset + node.end_mark.index


def find_files(paths: Iterable[str]) -> Iterator[str | Unread]:
    """The files behind paths: a file as it is, a folder's YAML and JSON files, `-` for standard input; each once."""
    seen: set[str] = set()
    for path in paths:
        if path == STDIN:
            found: Iterable[str | Unread] = [path]
        elif _is(path, Path.is_dir):
            found = _walk(path)
        elif is_there(path):  # a pipe too, as in `lint <(kustomize build)`
            found = [path]
        else:
            found = [Unread(Place(path, 1, 1), MISSING)]
        for one in found:
            real = one if isinstance(one, Unread) or one == STDIN else os.path.realpath(one)
            if isinstance(real, Unread) or real not in seen:
                yield one
            if isinstance(real, str):
                seen.add(real)


def is_there(path: str) -> bool:
    """Whether there is a file, a folder or a pipe of this name."""
    return _is(path, Path.exists)


def _is(path: str, what: Callable[[Path], bool]) -> bool:
    try:
        return what(Path(path))
    except OSError:  # a name that is too long
        return False


def _walk(top: str) -> Iterator[str | Unread]:
    """The YAML and JSON files below a folder; a folder that can't be read is told."""
    unread: list[Unread] = []

    def tell(error: OSError) -> None:
        unread.append(Unread(Place(str(error.filename), 1, 1), f"can't be read: {error.strerror}"))

    found: list[str] = []
    for folder, names, files in os.walk(top, onerror=tell, followlinks=False):
        names[:] = [name for name in names if not name.startswith(".") and name not in SKIPPED]
        for name in files:
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith(".") and path.is_file():
                found.append(str(path))
    yield from unread
    yield from sorted(found)


def read_file(path: str) -> str | Unread:
    """The text of a file, or why it has none."""
    try:
        if path == STDIN:
            raw = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        return Unread(Place(path, 1, 1), f"can't be read: {error.strerror or error}")
    if len(raw) > LARGEST_FILE:
        return Unread(Place(path, 1, 1), f"larger than {LARGEST_FILE >> 20} MB: give smaller files")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        ours = _OURS.search(raw.decode("latin-1")) is not None
        return Unread(Place(path, line, column), f"not UTF-8 text: byte 0x{raw[error.start]:02x}", ours)
    return text


def parse(path: str, text: str) -> Iterator[Document | Unread]:
    """The documents of a text. A broken one is told as Unread, the others are still read."""
    for offset, line, chunk in _split(text):
        try:
            if _may_be_deep(chunk):
                _refuse_deep(chunk)
            root = Loader(_DIRECTIVE.sub(_blank, chunk)).get_single_node()
            if root is not None and "*" in chunk and "&" in chunk:
                _refuse_bomb(root)
        except yaml.MarkedYAMLError as error:
            unread = _broken(path, line, chunk, error)
            if unread is not None:
                yield unread
        except yaml.reader.ReaderError as error:
            # libyaml counts bytes and gives a number, PyYAML's own reader counts characters and gives one.
            found = error.character if isinstance(error.character, int) else ord(error.character)
            at = line + chunk.encode()[: error.position].count(b"\n") + 1
            yield Unread(Place(path, at, 1), f"not YAML: character #x{found:04x}", _ours(chunk))
        except (yaml.YAMLError, _DepthError, _BombError) as error:
            yield Unread(Place(path, line + 1, 1), f"not YAML: {_one_line(str(error))}", _ours(chunk))
        else:
            if root is not None:
                yield Document(path, root, line, offset, text, "{{" in chunk)


def is_template(text: str) -> bool:
    """Whether a text has the marks of a template in it."""
    return _TEMPLATE.search(text) is not None


class _DepthError(Exception):
    """The document is nested more deeply than any manifest."""


class _BombError(Exception):
    """The document's aliases stand for more than any manifest holds; the API server refuses it, too."""


def _refuse_bomb(root: yaml.Node) -> None:
    if repeated(root) > MOST_REPEATED:
        raise _BombError(f"its aliases stand for more than {MOST_REPEATED} further nodes")


def _split(text: str) -> Iterator[tuple[int, int, str]]:
    """Documents, with the characters and the lines before them."""
    starts = [found.start() for found in _MARKER.finditer(text)]
    if not starts or text[: starts[0]].strip():
        starts.insert(0, 0)
    line = 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        chunk = text[start:end]
        if chunk.strip():
            yield start, line, chunk
        line += chunk.count("\n")


def _ours(chunk: str) -> bool:
    return _OURS.search(chunk) is not None


def _blank(found: re.Match[str]) -> str:
    return "#" * len(found[0])


def _may_be_deep(chunk: str) -> bool:
    return chunk.count("[") + chunk.count("{") > DEEPEST or _DEEP_LINES.search(chunk) is not None


def _refuse_deep(chunk: str) -> None:
    depth = 0
    try:
        for event in yaml.parse(chunk, Loader=Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEEPEST:
                    raise _DepthError(f"more than {DEEPEST} levels deep")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in (error.problem or ""):  # PyYAML's own limit, from 6.0.4 on
            raise _DepthError(f"more than {DEEPEST} levels deep") from None
        raise


def _broken(path: str, line: int, chunk: str, error: yaml.MarkedYAMLError) -> Unread | None:
    """What is wrong with a document; None for a template of something else, such as a chart's Deployment."""
    mark = error.problem_mark or error.context_mark
    at = Place(path, line + (mark.line if mark else 0) + 1, (mark.column if mark else 0) + 1)
    template = _TEMPLATE.search(chunk)
    if template and not _ours(chunk):
        return None
    if template:
        at = Place(path, line + chunk.count("\n", 0, template.start()) + 1, 1)
        return Unread(at, UNRENDERED)
    return Unread(at, f"not YAML: {_one_line(error.problem or error.context or 'broken')}", _ours(chunk))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
