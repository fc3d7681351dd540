"""Secrets that stand on lines below their name: YAML blocks, data of a Secret, environments, printed into a log."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raymesh.evidence.redaction import names
from raymesh.evidence.redaction.objects import LITERALS, REFERENCE
from raymesh.evidence.redaction.taken import GONE, Kind, Taken

# What a log puts before a line: times, levels, streams, the pod's name in brackets; one space ends it, what follows is
# the line's own indentation.
PREFIX = re.compile(
    r"(?:(?:\d{4}[-/]\d\d[-/]\d\d[T ])?\d\d:\d\d:\d\d\S* ?|\d{4}-\d\d-\d\dT\S+ |\[[^\]\n]{1,80}\] ?|\([^)\n]{1,60}\) ?"
    r"|(?:stdout|stderr) [FP] |(?:INFO|WARN|WARNING|ERROR|DEBUG|TRACE|FATAL|info|warn|error|debug)\b:?[ \t]"
    r"|[IWEF]\d{4} | *\d+ [\w./-]+:\d+\] ?|[\w./-]{1,80} ?\| ?|E   |> ?|# ?|\+{1,3} |[\w./-]{1,80} (?=\[|\d{4}-\d\d))*"
)
# A line of an object or of `env`, after its prefix.
ENTRY = re.compile(
    r"(?P<indent>[ \t]*)(?P<dash>(?:- )*)[\"']?(?P<name>[\w.\-/]+)[\"']?(?P<joint>:|=)(?P<rest>(?:[ \t].*|(?<==).*)?)$"
)
BLOCK = re.compile(r"[ \t]*(?:[|>][+-]?\d?[+-]?|[\[{])?[ \t]*(?:#.*)?")
SECRET_LINE = re.compile(r"[\"']?kind[\"']?\s*:\s*[\"']?(?:[A-Za-z]*Secret)(?:List)?\b")
IN_OBJECT = re.compile(r"[ \t]*(?:- |[\"']?[\w./-]+[\"']?\s*:|[\[\]{}]|---|#)|[ \t]+\S|[ \t]*$")
DATA_NAMES = {"data", "stringData", "string_data", "encryptedData"}
VARIABLES = {"Environment", "env_vars"}  # `kubectl describe`, Ray's runtime environments
OF_VARIABLE = {"name", "key", "optional", "fieldPath", "apiVersion", "resource", "containerName"}
SCALARS = ("|", ">")
TRIPLE = ('"""', "'''")
DASH = re.compile(r"[ \t]*(?:- )*")
REACH = 5000  # lines around the word Secret that may belong to that object


def is_plain(value: str) -> bool:
    """Tell whether a value says nothing: a literal, a reference, or what was taken out before."""
    text = value.strip(" \t\"'`\\,;)}]")
    return text.lower() in LITERALS or value.strip().startswith(GONE[:-1]) or REFERENCE.fullmatch(text) is not None


def without_blocks(text: str, taken: Taken) -> str:
    """Cut lines that belong to a name above them: what stands under `password: |`, data of a Secret, an environment."""
    lines = text.split("\n")
    found = [PREFIX.match(line) for line in lines]
    starts = [prefix.end() if prefix else 0 for prefix in found]
    reader = _Reader(taken)
    for number, in_secret in enumerate(_in_secrets(lines, starts)):
        start = starts[number]
        body = lines[number][start:]
        end = body[len(body.rstrip("\r")) :]
        lines[number] = lines[number][:start] + reader.read(body.rstrip("\r"), in_secret) + end
    return "\n".join(lines)


@dataclass
class _Reader:
    """Reads line by line, and remembers under which name it is."""

    taken: Taken
    kind: Kind = Kind.NAMED  # of the block that is open
    depth: int = -1  # its indentation; no block is open below 0
    keeps_names: bool = False  # it is an object: names stay
    until: str = ""  # quotes that end a value of many lines, as in TOML
    variable: str = ""  # the `name:` whose `value:` comes next
    column: int = -1

    def read(self, body: str, in_secret: bool) -> str:
        """Return one line, without its prefix, as it may be shown."""
        text = body.lstrip()
        indent = len(body) - len(text)
        if self.until:
            rest = self.until + text.partition(self.until)[2] if self.until in text else ""
            self.until = "" if rest else self.until
            return self._cut(body, f"{GONE}{rest}", Kind.NAMED) if text and not is_plain(text) else body
        if self.depth >= 0 and text:
            if indent > self.depth or (indent == self.depth and self.keeps_names and text.startswith("- ")):
                return self._cut(body, self._emptied(body))
            self.depth = -1
        entry = ENTRY.match(body)
        return body if entry is None else self._entry(body, entry, in_secret)

    def _entry(self, body: str, entry: re.Match[str], in_secret: bool) -> str:
        name, rest = entry["name"], entry["rest"].strip()
        column = len(entry["indent"]) + len(entry["dash"])
        head = body[: entry.start("rest")]
        assigned = entry["joint"] == "="
        opens = BLOCK.fullmatch(entry["rest"]) is not None and not assigned
        if assigned and rest in TRIPLE and names.is_secret(name):
            self.until = rest
        elif in_secret and name in DATA_NAMES and opens:
            self._open(Kind.SECRET_DATA, column, keeps_names=True)
        elif in_secret and name in DATA_NAMES:
            return self._cut(body, f"{head} {GONE}", Kind.SECRET_DATA)
        elif opens and rest[:1] in SCALARS and rest and names.is_secret(name):
            self._open(Kind.NAMED, column, keeps_names=False)
        elif opens and names.holds_secrets(name):
            self._open(Kind.NAMED, column, keeps_names=True)
        elif opens and (name in VARIABLES or names.is_environment(name)):
            self._open(Kind.ENVIRONMENT, column, keeps_names=True)
        elif name == "name" and names.is_variable(rest.strip("\"',")):
            self.variable, self.column = rest.strip("\"',"), column
        elif name == "value" and self.variable and column == self.column:
            return self._value(body, head, rest)
        elif assigned and not entry["indent"] and names.is_variable(name) and "_" in name:  # a line of `env`
            self.variable = ""
            if not names.is_harmless(name) and not is_plain(rest):
                return self._cut(body, f"{head}{GONE}", Kind.ENVIRONMENT)
        return body

    def _value(self, body: str, head: str, rest: str) -> str:
        variable, self.variable = self.variable, ""
        if names.is_harmless(variable) or is_plain(rest):
            return body
        if rest[:1] in SCALARS:
            self._open(Kind.ENVIRONMENT, self.column, keeps_names=False)
            return body
        return self._cut(body, f"{head} {GONE}", Kind.ENVIRONMENT)

    def _open(self, kind: Kind, depth: int, *, keeps_names: bool) -> None:
        self.kind, self.depth, self.keeps_names = kind, depth, keeps_names

    def _cut(self, body: str, new: str, kind: Kind | None = None) -> str:
        self.taken[kind or self.kind] += new != body
        return new

    def _emptied(self, body: str) -> str:
        """Empty one line of a block; in an object the names stay, and what only points to a secret."""
        text = body.strip()
        entry = ENTRY.match(body) if self.keeps_names else None
        if is_plain(text) or not text.strip("{}[],"):
            return body
        if entry is None:
            dash = DASH.match(body)
            return f"{dash[0] if dash else ''}{GONE}"
        name, rest = entry["name"], entry["rest"].strip()
        points = name in OF_VARIABLE if self.kind is Kind.ENVIRONMENT else names.is_pointing(name)
        harmless = self.kind is Kind.ENVIRONMENT and names.is_harmless(self.variable if name == "value" else name)
        if name == "name":
            self.variable = rest.strip("\"',")
        if points or harmless or is_plain(rest) or not rest.strip("{["):
            return body
        return f"{body[: entry.start('rest')]} {GONE}"


def _in_secrets(lines: list[str], starts: list[int]) -> list[bool]:
    """Tell of each line whether it belongs to an object that is a Secret: a log may hold one, over many lines."""
    marked = [False] * len(lines)
    for number, line in enumerate(lines):
        if marked[number] or "Secret" not in line or not SECRET_LINE.search(line):
            continue
        for step in (-1, 1):
            at = number
            while 0 <= at < len(lines) and abs(at - number) < REACH:
                body = lines[at][starts[at] :]
                if not IN_OBJECT.match(body) or (at != number and body.startswith("---")):
                    break
                marked[at] = True
                at += step
    return marked
