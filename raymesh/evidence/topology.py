"""Where to draw whom: the subject in the middle, its callers on the left, whom it calls on the right. Geometry only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from raymesh.evidence.record import Record, SubjectProven
from raymesh.evidence.sights import CallsSeen, EdgeSeen, Sights
from raymesh.verdicts.catalog import KIALI_EDGES, KIALI_MTLS, PLAINTEXT_REFUSED

WIDTH, SIDE, MIDDLE = 960, 250, 320
GAP = (WIDTH - 2 * SIDE - MIDDLE) // 2
LINE, PADDING, BETWEEN = 18, 10, 18
MOST_ALONE = 4  # pods of a group that are drawn one by one
WHOLE = 100.0
BYTES = 1024


@dataclass(frozen=True)
class Line:
    """A line of text in a card; a red one says so by `ok`. `verdict` is where its evidence is, empty: nowhere."""

    text: str
    ok: bool = True
    verdict: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Card:
    """A box with lines of text. `kind` is `pod`, `inner`, `caller`, `callee` or `outsider`."""

    kind: str
    x: int
    y: int
    width: int
    lines: tuple[Line, ...]

    @property
    def height(self) -> int:
        """Of the box."""
        return len(self.lines) * LINE + 2 * PADDING

    @property
    def middle(self) -> int:
        """The height at which an arrow meets it."""
        return self.y + self.height // 2

    @property
    def ok(self) -> bool:
        """Whether no line is red."""
        return all(line.ok for line in self.lines)


@dataclass(frozen=True)
class Arrow:
    """From one point to another; a barred one does not get in."""

    x1: int
    y1: int
    x2: int
    y2: int
    ok: bool
    barred: bool = False


@dataclass(frozen=True)
class Drawing:
    """All of it. `frame` is the box around the subject, as x, y, width, height."""

    width: int
    height: int
    frame: tuple[int, int, int, int]
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]


def drawing(record: Record) -> Drawing | None:
    """Return what to draw; None where the record has no subject."""
    subject, sights = record.subject, record.sights
    if subject is None:
        return None
    own = f"{subject.name}.{subject.namespace}"
    edges = sights.edges if sights else ()
    inner = _inner(subject, sights, [edge for edge in edges if edge.source == edge.target == own])
    callers = _cards("caller", 0, _by_peer([e for e in edges if e.target == own != e.source], source=True))
    callers += _outsiders(sights, _below(callers))
    callees = _cards("callee", WIDTH - SIDE, _by_peer([e for e in edges if e.source == own != e.target], source=False))
    left, right = SIDE + GAP, SIDE + GAP + MIDDLE
    height = max(_below(cards) for cards in (inner, callers, callees))
    arrows = [
        *(Arrow(SIDE, card.middle, left, card.middle, card.ok, card.kind == "outsider") for card in callers),
        *(Arrow(right, card.middle, card.x, card.middle, card.ok) for card in callees),
        *_between([card for card in inner if card.kind == "pod"]),
    ]
    return Drawing(WIDTH, height, (left, 0, MIDDLE, height), (*inner, *callers, *callees), tuple(arrows))


def _inner(subject: SubjectProven, sights: Sights | None, own: Sequence[EdgeSeen]) -> list[Card]:
    """The subject's name with its edges to itself, and below it a card a pod, or a card a group where they are many."""
    title = [
        Line(f"{subject.kind} {subject.namespace}/{subject.name}", strong=True),
        *(Line(f"with itself: {_traffic(edge)}", edge.mtls_percent == WHOLE, KIALI_MTLS.id) for edge in own),
    ]
    x, width = SIDE + GAP + PADDING, MIDDLE - 2 * PADDING
    cards = [Card("inner", x, PADDING, width, tuple(title))]
    calls = sights.calls if sights else ()
    for lines in _pods(subject, calls):
        cards.append(Card("pod", x, _below(cards), width, lines))
    return cards


def _pods(subject: SubjectProven, calls: Sequence[CallsSeen]) -> Iterable[tuple[Line, ...]]:
    groups = {pod.group: [one for one in subject.pods if one.group == pod.group] for pod in subject.pods}
    for group, pods in groups.items():
        names = {pod.name for pod in pods}
        if len(pods) > MOST_ALONE:
            yield Line(f"{len(pods)} pods of {group}", strong=True), *_sent(names, calls)
        else:
            for pod in pods:
                yield Line(f"{pod.role}: {pod.name}", strong=True), *_sent({pod.name}, calls)


def _sent(names: set[str], calls: Sequence[CallsSeen]) -> Iterable[Line]:
    mine = [one for one in calls if one.source in names]
    for protocol in sorted({one.protocol for one in mine}):
        count = sum(one.calls for one in mine if one.protocol == protocol)
        yield Line(f"{count} {protocol} calls to other Ray pods traced")


def _by_peer(edges: Iterable[EdgeSeen], *, source: bool) -> list[tuple[Line, ...]]:
    peers: dict[str, list[EdgeSeen]] = {}
    for edge in edges:
        peers.setdefault(edge.source if source else edge.target, []).append(edge)
    found = []
    for peer, mine in peers.items():
        identities = sorted({edge.source_identity if source else edge.target_identity for edge in mine} - {""})
        lines = [Line(peer, strong=True), *(Line(identity.removeprefix("spiffe://")) for identity in identities)]
        found.append((*lines, *(Line(_traffic(e), e.mtls_percent == WHOLE, KIALI_EDGES.id) for e in mine)))
    return found


def _cards(kind: str, x: int, lines: Iterable[tuple[Line, ...]]) -> list[Card]:
    cards: list[Card] = []
    for one in lines:
        cards.append(Card(kind, x, _below(cards), SIDE, one))
    return cards


def _outsiders(sights: Sights | None, y: int) -> list[Card]:
    knocks = sum(port.knocks for port in sights.ports) if sights else 0
    refused = sum(port.refused for port in sights.ports) if sights else 0
    if not knocks:
        return []
    text = f"{refused} of {knocks} attempts refused"
    lines = (Line("without identity", strong=True), Line(text, refused == knocks, PLAINTEXT_REFUSED.id))
    return [Card("outsider", 0, y, SIDE, lines)]


def _between(pods: Sequence[Card]) -> Iterable[Arrow]:
    """A short line from each card of pods to the next."""
    for one, other in pairwise(pods):
        x = one.x + one.width // 2
        yield Arrow(x, one.y + one.height, x, other.y, ok=True)


def _below(cards: Sequence[Card]) -> int:
    return max((card.y + card.height + BETWEEN for card in cards), default=PADDING)


def _traffic(edge: EdgeSeen) -> str:
    rate = f"{edge.rate / BYTES:.1f} KiB/s" if edge.protocol == "tcp" else f"{edge.rate:.1f}/s"
    return f"{edge.protocol or 'no traffic'} {rate}, mTLS {edge.mtls_percent:g} %"
