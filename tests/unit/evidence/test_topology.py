"""What is drawn where: who is there in the end, with the calls between head and workers, red where the edge is red."""

from __future__ import annotations

from dataclasses import replace

from raymesh.evidence.record import Record, SubjectPod, SubjectProven
from raymesh.evidence.sights import CallsSeen, EdgeSeen
from raymesh.evidence.topology import Drawing, drawing
from raymesh.verdicts.catalog import KIALI_MTLS
from tests.unit.evidence.records import EMPTY, GREEN, SIGHTS

HEAD, WORKER, LATER = "ray-head-a", "ray-worker-b", "ray-worker-c"
SIDECAR = SIGHTS.sidecars[0]
ITSELF = EdgeSeen("ray.team-a", "ray.team-a", "grpc", 41.5, 0.0, 100.0, "", "")


def record(*pods: str, last: tuple[str, ...], edge: EdgeSeen = ITSELF) -> Record:
    assert GREEN.subject is not None
    own = tuple(SubjectPod(name, "head" if "head" in name else "worker", "g", "") for name in pods)
    subject: SubjectProven = replace(GREEN.subject, pods=own)
    sights = replace(
        SIGHTS,
        edges=(edge,),
        ports=(),
        calls=tuple(
            CallsSeen(one, other, "grpc", 1500 if one == HEAD else 7, 0)
            for one in last
            for other in last
            if one != other
        ),
        sidecars=tuple(replace(SIDECAR, pod=name) for name in last),
    )
    return replace(GREEN, subject=subject, sights=sights)


def drawn(record: Record) -> Drawing:
    found = drawing(record)
    assert found is not None
    return found


def names(picture: Drawing) -> list[tuple[str, str]]:
    return [(card.lines[0].text, card.lines[1].text) for card in picture.cards if card.kind == "pod"]


def test_calls_go_both_ways_between_head_and_worker() -> None:
    picture = drawn(record(HEAD, WORKER, last=(HEAD, WORKER)))
    assert names(picture) == [("head", HEAD), ("worker", WORKER)]
    there, back = picture.arrows
    assert (there.text, back.text) == ("1,500 grpc", "7 grpc")
    assert there.x1 < there.x2
    assert back.x1 > back.x2
    assert all(arrow.ok for arrow in picture.arrows)


def test_a_pod_that_came_later_stands_in_for_the_one_that_is_gone() -> None:
    picture = drawn(record(HEAD, WORKER, last=(HEAD, LATER)))
    assert names(picture) == [("head", HEAD), ("worker", LATER)]
    assert len(picture.arrows) == 2


def test_a_red_edge_is_red_between_the_pods_as_well_and_leads_to_its_verdict() -> None:
    picture = drawn(record(HEAD, WORKER, last=(HEAD, WORKER), edge=replace(ITSELF, mtls_percent=99.0)))
    assert not any(arrow.ok for arrow in picture.arrows)
    [line] = [line for card in picture.cards for line in card.lines if not line.ok]
    assert line.verdict == KIALI_MTLS.id


def test_every_arrow_begins_and_ends_at_a_card() -> None:
    many = tuple(f"ray-worker-{n}" for n in range(4))
    picture = drawn(record(HEAD, *many, last=(HEAD, *many)))
    pods = [card for card in picture.cards if card.kind == "pod"]
    for arrow in picture.arrows:
        for x, y in ((arrow.x1, arrow.y1), (arrow.x2, arrow.y2)):
            assert [card for card in pods if x in (card.x, card.x + card.width) and card.y <= y <= card.y + card.height]


def test_many_pods_of_a_group_are_one_card() -> None:
    many = tuple(f"ray-worker-{n}" for n in range(9))
    assert names(drawn(record(HEAD, *many, last=(HEAD, *many))))[-1] == ("9 workers", "group g")


def test_without_a_subject_nothing_is_drawn() -> None:
    assert drawing(EMPTY) is None
