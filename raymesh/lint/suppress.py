"""Findings that somebody put aside where they stand: by a comment, or by an annotation of the object.

`# raymesh: ignore RM008, RM009 because REASON` at the end of a line is for that line; alone on a line for the next
one; above the first line of an object for the whole object. Templating tools drop comments, so an annotation
`raymesh/ignore-RM008: REASON` does the same for its object.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

from raymesh.lint.diagnostics import Diagnostic, Suppressed
from raymesh.lint.registry import SUPPRESSES_NOTHING, UNCLEAR_SUPPRESSION, all_rules
from raymesh.manifests.loading import Loader
from raymesh.manifests.places import Place
from raymesh.manifests.resources import Resource

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[ \t]*raymesh:[ \t]*(?P<said>.*?)[ \t]*\r?$", re.MULTILINE)
_IGNORE = re.compile(r"ignore[ \t]+(?P<rules>RM\d{3}(?:[ \t]*,?[ \t]*RM\d{3})*)[ \t]+because[ \t]+(?P<reason>\S.*)")
_RULE = re.compile(r"RM\d{3}")
_ANNOTATION = re.compile(r"raymesh/(?P<said>.*)")
_ANNOTATION_IGNORE = re.compile(r"ignore-(?P<rule>RM\d{3})")
COMMENT_FORM = "# raymesh: ignore RM008 because REASON"
ANNOTATION_FORM = "raymesh/ignore-RM008: REASON"


@dataclass
class _Suppression:
    place: Place
    by: str
    reason: str
    rules: tuple[str, ...]
    line: int = 0  # that it is for, 0 for a whole object
    resource: Resource | None = None
    used: set[str] = field(default_factory=set)


@dataclass
class Suppressions:
    """All of one run."""

    found: list[_Suppression] = field(default_factory=list)
    unclear: list[Diagnostic] = field(default_factory=list)

    def apply(self, finding: Diagnostic, inside: Resource | None) -> Suppressed | None:
        """The finding as put aside, None where nobody did. `inside` is the object that it stands in."""
        for one in self.found:
            at_line = one.line and (one.place.path, one.line) == (finding.place.path, finding.place.line)
            whole = not one.line and one.resource is not None and one.resource is inside
            if finding.rule in one.rules and (at_line or whole):
                one.used.add(finding.rule)
                return Suppressed(finding, one.by, one.reason)
        return None

    def idle(self, ran: frozenset[str]) -> Iterator[Diagnostic]:
        """Those that no finding needed, of rules that ran."""
        for one in self.found:
            for rule in one.rules:
                if rule in ran and rule not in one.used:
                    yield Diagnostic(
                        SUPPRESSES_NOTHING,
                        all_rules()[SUPPRESSES_NOTHING].severity,
                        one.place,
                        f"{rule} is ignored here ({one.reason}), but there is no such finding",
                        "take it out",
                    )


def suppressions(sources: dict[str, str], resources: Iterable[Resource]) -> Suppressions:
    """Read what is put aside in texts and objects."""
    made = Suppressions()
    all_resources = list(resources)
    starts = {(r.place.path, r.place.line): r for r in all_resources}
    for path, text in sources.items():
        if "raymesh:" in text:
            for comment in _comments(text):
                _add_comment(path, text, comment, starts, made)
    for resource in all_resources:
        for key, reason in resource.annotations.items():
            _add_annotation(resource, key, reason, made)
    return made


def _comments(text: str) -> Iterator[re.Match[str]]:
    """Comments, not what looks like one inside a string."""
    found = list(_COMMENT.finditer(text))
    spans: list[tuple[int, int]] = []
    try:
        for token in yaml.scan(text, Loader=Loader) if found else ():
            if isinstance(token, yaml.ScalarToken):
                spans.append((token.start_mark.index, token.end_mark.index))
    except yaml.YAMLError:  # told as RM000
        pass
    begins = [start for start, _ in spans]
    for comment in found:
        at = bisect_right(begins, comment.start())
        if not at or spans[at - 1][1] <= comment.start():
            yield comment


def _add_comment(
    path: str, text: str, comment: re.Match[str], starts: dict[tuple[str, int], Resource], made: Suppressions
) -> None:
    line = text.count("\n", 0, comment.start()) + 1
    begin = text.rfind("\n", 0, comment.start()) + 1
    place = Place(path, line, comment.start() - begin + 1)
    said = _IGNORE.fullmatch(comment["said"])
    rules = tuple(_RULE.findall(said["rules"])) if said else ()
    if said is None or not set(rules) <= set(all_rules()):
        made.unclear.append(_unclear(place, comment[0].strip(), rules, COMMENT_FORM))
        return
    target, resource = line, None
    if not text[begin : comment.start()].strip():  # alone on its line
        target = _next_line(text, line)
        resource = starts.get((path, target))
    made.found.append(_Suppression(place, "comment", said["reason"], rules, 0 if resource else target, resource))


def _next_line(text: str, line: int) -> int:
    """The next line that is neither empty nor a comment nor a document marker."""
    for number, row in enumerate(text.split("\n")[line:], line + 1):
        bare = row.strip()
        if bare and not bare.startswith("#") and bare != "---":
            return number
    return line


def _add_annotation(resource: Resource, key: str, reason: str, made: Suppressions) -> None:
    ours = _ANNOTATION.fullmatch(key)
    if ours is None:
        return
    said = _ANNOTATION_IGNORE.fullmatch(ours["said"])
    if said is None or said["rule"] not in all_rules() or not reason.strip():
        told = f"annotation {key}: {reason or 'nothing'}"
        made.unclear.append(_unclear(resource.place, told, (said["rule"],) if said else (), ANNOTATION_FORM))
        return
    made.found.append(_Suppression(resource.place, "annotation", reason.strip(), (said["rule"],), resource=resource))


def _unclear(place: Place, told: str, rules: tuple[str, ...], form: str) -> Diagnostic:
    unknown = sorted(set(rules) - set(all_rules()))
    why = f"there is no rule {unknown[0]}" if unknown else "a rule and a reason are needed"
    severity = all_rules()[UNCLEAR_SUPPRESSION].severity
    return Diagnostic(UNCLEAR_SUPPRESSION, severity, place, f"{told}: suppresses nothing: {why}", f"write {form}")
