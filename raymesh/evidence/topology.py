"""Where to draw whom: the subject in the middle, its callers on the left, whom it calls on the right. Geometry only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from raymesh.evidence.record import Record, SubjectPod, SubjectProven
from raymesh.evidence.sights import CallsSeen, EdgeSeen, Sights
from raymesh.verdicts.catalog import KIALI_EDGES, KIALI_MTLS, PLAINTEXT_REFUSED

WIDTH, SIDE, MIDDLE = 1180, 230, 640
POD = 245  # width of a pod's card: heads on the left of the frame, workers on the right
GAP = (WIDTH - 2 * SIDE - MIDDLE) // 2
LINE, PADDING, BETWEEN = 18, 10, 18
ASIDE = 10  # of an arrow from the middle of a card
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
    """A box with lines of text, at least `tall`. `kind` is `pod`, `inner`, `caller`, `callee` or `outsider`."""

    kind: str
    x: int
    y: int
    width: int
    lines: tuple[Line, ...]
    tall: int = 0

    @property
    def height(self) -> int:
        """Of the box."""
        return max(self.tall, len(self.lines) * LINE + 2 * PADDING)

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
    """From one point to another; a barred one does not get in. `text` stands above it."""

    x1: int
    y1: int
    x2: int
    y2: int
    ok: bool
    barred: bool = False
    text: str = ""


@dataclass(frozen=True)
class Drawing:
    """All of it, from `left` on. `frame` is the box around the subject, as x, y, width, height."""

    left: int
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
    subject = replace(subject, pods=tuple(_there(subject, sights)))
    itself = [edge for edge in edges if edge.source == edge.target == own]
    inner, between = _inner(subject, sights.calls if sights else (), itself)
    callers = _cards("caller", 0, _by_peer([e for e in edges if e.target == own != e.source], source=True))
    callers += _outsiders(sights, _below(callers))
    callees = _cards("callee", WIDTH - SIDE, _by_peer([e for e in edges if e.source == own != e.target], source=False))
    left, right = SIDE + GAP, SIDE + GAP + MIDDLE
    height = max(_below(cards) for cards in (inner, callers, callees))
    arrows = [
        *(Arrow(SIDE, card.middle, left, card.middle, card.ok, card.kind == "outsider") for card in callers),
        *(Arrow(right, card.middle, card.x, card.middle, card.ok) for card in callees),
        *between,
    ]
    begin, end = 0 if callers else left, WIDTH if callees else right
    return Drawing(begin, end - begin, height, (left, 0, MIDDLE, height), (*inner, *callers, *callees), tuple(arrows))


def _there(subject: SubjectProven, sights: Sights | None) -> Iterable[SubjectPod]:
    """Return the pods that there were in the end: a fault may have had one replaced, and KubeRay names heads so."""
    last = {one.pod for one in sights.sidecars} if sights else set()
    known = [pod for pod in subject.pods if pod.name in last or not last]
    groups = {pod.role: pod.group for pod in subject.pods}
    new = sorted(last - {pod.name for pod in known})
    for name, role in [(name, "head" if "-head-" in name else "worker") for name in new]:
        known.append(SubjectPod(name, role, groups.get(role, ""), ""))
    return sorted(known, key=lambda pod: pod.role != "head")


def _inner(
    subject: SubjectProven, calls: Sequence[CallsSeen], own: Sequence[EdgeSeen]
) -> tuple[list[Card], list[Arrow]]:
    """The subject's name with its edges to itself; below it its heads and workers, with the calls between them.

    Kiali has one edge for all pods of a subject, so an arrow between them is red where that edge is.
    """
    title = [
        Line(f"{subject.kind} {subject.namespace}/{subject.name}", strong=True),
        *(Line(f"with itself: {_traffic(edge)}", edge.mtls_percent == WHOLE, KIALI_MTLS.id) for edge in own),
    ]
    x = SIDE + GAP + PADDING
    top = Card("inner", x, PADDING, MIDDLE - 2 * PADDING, tuple(title))
    heads = {pod.name for pod in subject.pods if pod.role == "head"}
    columns: dict[bool, list[Card]] = {True: [top], False: [top]}
    arrows: list[Arrow] = []
    for names, who, name in _pods(subject):
        of_head = names <= heads
        others = [one for one in calls if one.source in names and (one.target in heads) == of_head]
        lines = (
            Line(who, strong=True),
            Line(name),
            *_sent(others, "to another head" if of_head else "to other workers"),
        )
        left = x if of_head else x + MIDDLE - 2 * PADDING - POD
        card = Card("pod", left, _below(columns[of_head]), POD, lines)
        columns[of_head].append(card)
        if not of_head:
            ok = all(edge.mtls_percent == WHOLE for edge in own)
            arrows += _calls(card, x + POD, [one for one in calls if {one.source, one.target} & names], heads, ok)
    (*above, last), workers = columns[True], columns[False]
    if len(workers) > 1 and last is not top:  # all arrows reach the last head: it is alone in nearly every cluster
        last = replace(last, tall=_below(workers) - BETWEEN - last.y)
    return [top, *above[1:], *((last,) if last is not top else ()), *workers[1:]], arrows


def _pods(subject: SubjectProven) -> Iterable[tuple[set[str], str, str]]:
    """Name each pod by role and name, or a group of many as one."""
    groups: dict[tuple[str, str], list[SubjectPod]] = {}
    for pod in subject.pods:
        groups.setdefault((pod.role, pod.group), []).append(pod)
    for (role, group), pods in groups.items():
        if len(pods) > MOST_ALONE:
            yield {pod.name for pod in pods}, f"{len(pods)} {role}s", f"group {group}"
        else:
            yield from (({pod.name}, pod.role, pod.name) for pod in pods)


def _calls(card: Card, x: int, calls: Sequence[CallsSeen], heads: set[str], ok: bool) -> Iterable[Arrow]:
    there = _counted(one for one in calls if one.source in heads)
    back = _counted(one for one in calls if one.target in heads)
    if there:
        yield Arrow(x, card.middle - ASIDE, card.x, card.middle - ASIDE, ok, text=there)
    if back:
        yield Arrow(card.x, card.middle + ASIDE, x, card.middle + ASIDE, ok, text=back)


def _counted(calls: Iterable[CallsSeen]) -> str:
    counts: dict[str, int] = {}
    for one in calls:
        counts[one.protocol] = counts.get(one.protocol, 0) + one.calls
    return ", ".join(f"{count:,} {protocol}" for protocol, count in sorted(counts.items()))


def _sent(calls: Sequence[CallsSeen], whom: str) -> Iterable[Line]:
    if counted := _counted(calls):
        yield Line(f"{counted} {whom}")


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


def _below(cards: Sequence[Card]) -> int:
    return max((card.y + card.height + BETWEEN for card in cards), default=PADDING)


def _traffic(edge: EdgeSeen) -> str:
    rate = f"{edge.rate / BYTES:.1f} KiB/s" if edge.protocol == "tcp" else f"{edge.rate:.1f}/s"
    return f"{edge.protocol or 'no traffic'} {rate}, mTLS {edge.mtls_percent:g} %"
