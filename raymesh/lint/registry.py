"""The rules, found by their id."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator

import yaml

from raymesh.frozen import frozen
from raymesh.lint.diagnostics import Diagnostic, Severity
from raymesh.manifests.places import Edit, Place
from raymesh.manifests.reading import Document
from raymesh.manifests.relating import World
from raymesh.manifests.tree import Value

MODULES = (
    "declared",
    "entries",
    "params",
    "service",
    "address",
    "mesh",
    "versions",
    "policy",
    "network",
    "traffic",
    "refused",
    "injection",
    "resources",
    "kuberay",
    "validated",
    "selectors",
    "naming",
    "beside",
    "serving",
    "submitting",
)
UNCLEAR_SUPPRESSION, SUPPRESSES_NOTHING = "RM044", "RM045"  # found by raymesh.lint.suppress, not by a check


@frozen
class Hit:
    """What a rule function yields: where, what, and the cure."""

    place: Place
    message: str
    fix: str = ""
    edits: tuple[Edit, ...] = ()
    severity: Severity | None = None  # where this one matters more or less than its rule's others


Check = Callable[[World], Iterable[Hit]]


@frozen
class Rule:
    """One rule: its id is the name of its page in raymesh/lint/pages."""

    id: str
    severity: Severity
    title: str
    check: Check

    def run(self, world: World) -> Iterator[Diagnostic]:
        """The findings of this rule."""
        for hit in self.check(world):
            yield Diagnostic(self.id, hit.severity or self.severity, hit.place, hit.message, hit.fix, hit.edits)


_RULES: dict[str, Rule] = {}


def rule(number: str, severity: Severity, title: str) -> Callable[[Check], Check]:
    """Register a function as the rule `number`."""

    def register(check: Check) -> Check:
        assert number not in _RULES, f"{number} is there twice"
        _RULES[number] = Rule(number, severity, title, check)
        return check

    return register


def all_rules() -> dict[str, Rule]:
    """Every rule by its id, in their order."""
    for module in MODULES:
        importlib.import_module(f"raymesh.lint.rules.{module}")
    return dict(sorted(_RULES.items()))


def at(where: Value | tuple[Document, yaml.Node]) -> Place:
    """The place of a value, or of a node of a document."""
    return where.place if isinstance(where, Value) else where[0].place(where[1])
