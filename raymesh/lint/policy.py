"""Which rules count, how much, and where not: what the configuration and the command line agree on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Literal

from raymesh.errors import UsageError
from raymesh.frozen import frozen
from raymesh.lint.baseline import Baseline
from raymesh.lint.diagnostics import UNREADABLE, Severity
from raymesh.lint.registry import all_rules
from raymesh.manifests.reading import STDIN

GroupBy = Literal["auto", "directory", "kustomization", "all"]
GROUPINGS: tuple[GroupBy, ...] = ("auto", "directory", "kustomization", "all")


@frozen
class PerPath:
    """Rules that are off for some files: patterns of paths, and a reason for each rule."""

    paths: tuple[str, ...]
    ignore: Mapping[str, str]


@frozen
class Policy:
    """What is done with the findings of one project. A rule is named whole (RM027) or by its beginning (RM02)."""

    select: tuple[str, ...] = ()  # none: all
    ignore: Mapping[str, str] = field(default_factory=dict)  # rule: reason
    severity: Mapping[str, Severity] = field(default_factory=dict)
    per_path: tuple[PerPath, ...] = ()
    group_by: GroupBy = "auto"
    folder: str = ""  # that the patterns of per_path are relative to; empty: the working folder
    baseline: Baseline | None = None
    piped: str = STDIN  # what findings call that which is no file: standard input, or a cluster
    rendered_from: str = ""  # the chart or kustomization that it was made of, where somebody says so

    def runs(self, rule: str) -> bool:
        """Whether a rule is on."""
        return (not self.select or _longest(rule, self.select) is not None) and _longest(rule, self.ignore) is None

    def weight(self, rule: str, given: Severity) -> Severity:
        """The severity of a finding: what is said of its rule, else its own."""
        named = _longest(rule, self.severity)
        return self.severity[named] if named else given

    def ignored_at(self, rule: str, path: str) -> str | None:
        """The reason why a rule is off for a file, None where it is on. `path` is relative to the policy's folder."""
        for one in self.per_path:
            named = _longest(rule, one.ignore)
            if named and matches(path, one.paths):
                return one.ignore[named]
        return None


def check_rule(text: str, where: str) -> str:
    """A rule, or the beginning of some. Raises UsageError where it names none."""
    if not text or not any(rule.startswith(text) for rule in (UNREADABLE, *all_rules())):
        raise UsageError(f"{where}: no such rule {text!r}; `raymesh explain` lists them")
    if text == UNREADABLE:
        raise UsageError(f"{where}: {UNREADABLE} says that something was not checked: exclude the file instead")
    return text


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a relative path, or a folder above it, matches a pattern.

    A pattern without a slash is held against every part of the path, one with a slash against the path from its
    beginning; `*` crosses slashes. A backslash is a slash, as people on Windows write it.
    """
    pure = PurePosixPath(path)
    whole = [str(pure), *(str(parent) for parent in pure.parents)]
    for pattern in patterns:
        bare = pattern.replace("\\", "/").removeprefix("./").rstrip("/")
        held = whole if "/" in bare else pure.parts
        if any(fnmatchcase(one, bare) for one in held):
            return True
        if "/" in bare and fnmatchcase(str(pure), bare.replace("**/", "")):
            return True
    return False


def _longest(rule: str, named: Mapping[str, object] | tuple[str, ...]) -> str | None:
    """The most exact of the names that a rule goes by."""
    return max((name for name in named if rule.startswith(name)), key=len, default=None)
