"""What differs between two runs: verdicts first, what got worse, and nothing where nothing differs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesh.evidence.compare import Change, as_markdown, as_text, compare
from raymesh.evidence.record import ProxySeen, Record, VersionSeen
from raymesh.evidence.sights import SpansSeen
from raymesh.verdicts.catalog import CHAINS, PLAINTEXT_REFUSED
from tests.unit.evidence.records import EDGES, GREEN, PLAINTEXT, RED, SIGHTS, fault, judgement

SEEN = replace(GREEN, sights=SIGHTS)


def topics(before: Record, after: Record) -> set[str]:
    return {change.topic for change in compare(before, after)}


@pytest.mark.parametrize("record", [GREEN, RED, SEEN])
def test_a_run_does_not_differ_from_itself(record: Record) -> None:
    assert not compare(record, record)
    assert "nothing differs" in as_text((), "a", "b")


def test_a_pods_own_name_and_a_later_date_are_no_difference() -> None:
    renamed = tuple(replace(proxy, pod=f"{proxy.pod}-2") for proxy in GREEN.proxies)
    assert not compare(GREEN, replace(GREEN, proxies=renamed, started="2027-01-01T00:00:00Z", ended=None))


@pytest.mark.parametrize(
    ("before", "after", "was", "now", "worse"),
    [
        ((), (judgement(EDGES, ok=False),), "not asked", "red", True),
        ((), (judgement(EDGES),), "not asked", "green", False),
        ((judgement(EDGES),), (judgement(EDGES, ok=False),), "green", "red", True),
        ((judgement(EDGES),), (judgement(EDGES), judgement(EDGES, ok=False)), "green", "red", True),
        ((judgement(EDGES),), (), "green", "not asked", True),
        ((judgement(EDGES, ok=False),), (judgement(EDGES),), "red", "green", False),
        ((judgement(EDGES, ok=False),), (), "red", "not asked", False),
    ],
)
def test_a_verdict_is_green_where_all_its_findings_are(
    before: tuple[object, ...], after: tuple[object, ...], was: str, now: str, worse: bool
) -> None:
    one = replace(GREEN, judgements=before)  # type: ignore[arg-type]  # they are what `judgement` returns
    other = replace(GREEN, judgements=after)  # type: ignore[arg-type]
    assert compare(one, other) == (Change("verdict", str(EDGES), was, now, worse=worse),)


def test_each_fault_is_compared_by_itself() -> None:
    """As many are exact in both runs, and yet one of them is not what it was."""
    exact, not_so = fault(PLAINTEXT, expected=(PLAINTEXT,)), fault(PLAINTEXT, expected=(EDGES,))
    one = (replace(exact, fault="a"), replace(not_so, fault="b"))
    other = (replace(not_so, fault="a"), replace(exact, fault="b"))
    found = compare(replace(GREEN, faults=one), replace(GREEN, faults=other))
    assert [(change.topic, change.what, change.worse) for change in found] == [
        ("fault", "a", True),
        ("fault", "b", False),
    ]


def test_a_run_that_failed_is_worse_whatever_its_verdicts_say() -> None:
    assert [change.worse for change in compare(GREEN, replace(GREEN, status="failed"))] == [True]


def test_what_a_bump_of_istio_changes_is_named_with_both_versions() -> None:
    proxies = tuple(ProxySeen(proxy.pod, proxy.name, "10.0") for proxy in GREEN.proxies)
    after = replace(GREEN, versions=(VersionSeen("istiod", "1.2.5", ""), GREEN.versions[1]), proxies=proxies)
    assert compare(GREEN, after) == (
        Change("version", "istiod", "1.2.4", "1.2.5"),
        Change("version", "proxy", "stock Envoy 9.9", "stock Envoy 10.0"),
    )


def test_a_port_that_is_no_longer_there_and_one_that_is_seen_as_another_protocol() -> None:
    assert GREEN.subject
    gone = replace(GREEN, subject=replace(GREEN.subject, ports=()))
    [change] = compare(GREEN, gone)
    assert (change.topic, change.what, change.after) == ("contract", "worker-ports", "-")
    assert "10002-10012 grpc" in change.before
    other = replace(SIGHTS, ports=tuple(replace(port, seen_as=("tcp",)) for port in SIGHTS.ports))
    assert {"port"} == topics(SEEN, replace(SEEN, sights=other))


def test_an_edge_that_is_no_longer_mutual_tls_is_named() -> None:
    edges = (replace(SIGHTS.edges[0], mtls_percent=50.0), *SIGHTS.edges[1:])
    [change] = compare(SEEN, replace(SEEN, sights=replace(SIGHTS, edges=edges)))
    assert (change.topic, change.before[:10], change.after[:9]) == ("edge", "100 % mTLS", "50 % mTLS")


def test_what_only_one_record_shows_is_a_difference() -> None:
    assert {"port", "edge"} <= topics(GREEN, SEEN)


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_no_name_breaks_out_of_its_cell(name: str) -> None:
    shown = as_markdown((Change("verdict", name, name, name, worse=True),), name, name)
    lines = shown.splitlines()
    assert len(lines) == 3
    assert all(line.count("|") == 5 and "<" not in line and "`" not in line for line in lines)


def test_what_got_worse_is_said_to_be() -> None:
    after = replace(GREEN, judgements=(judgement(PLAINTEXT_REFUSED, ok=False), judgement(CHAINS)))
    changes = compare(GREEN, after)
    assert "verdict: WORSE" in as_text(changes, "a", "b")
    assert "verdict: WORSE" in as_markdown(changes, "a", "b")


def test_what_kuberay_makes_is_compared_service_by_service_with_its_ports_and_protocols() -> None:
    [made, own] = SIGHTS.services
    headless = replace(made, headless=True, ports=("6379 gcs-server TCP, no appProtocol",))
    found = compare(SEEN, replace(SEEN, sights=replace(SIGHTS, services=(headless, own))))
    was, now = (
        "with an address, of RayCluster: 6379 gcs-server TCP, tcp",
        "headless, of RayCluster: 6379 gcs-server TCP",
    )
    assert found == (Change("service", "SUBJECT-head-svc", was, f"{now}, no appProtocol"),)


def test_another_name_of_the_subject_is_no_difference() -> None:
    assert SEEN.subject

    def named(text: str) -> str:
        return text.replace("ray", "other-1", 1)

    other = replace(SEEN.subject, name="other-1", tracing_service="other-1.team-a", head_service="other-1-head-svc")
    sights = replace(
        SIGHTS,
        services=tuple(replace(one, name=named(one.name)) for one in SIGHTS.services),
        spans=SpansSeen(("other-1.team-a",), ("other-1-headless:6380/*",), SIGHTS.spans.tags if SIGHTS.spans else ()),
    )
    assert not compare(SEEN, replace(SEEN, subject=other, sights=sights))


def test_a_native_sidecar_a_flag_and_a_probe_are_named() -> None:
    proxy, ray = SIGHTS.containers
    others = (
        replace(proxy, kind="native sidecar", probes=("startup: httpGet :15021/healthz/ready, every 1 s",)),
        replace(ray, flags=("--head", "--port=6380")),
    )
    found = compare(SEEN, replace(SEEN, sights=replace(SIGHTS, containers=others)))
    assert [(one.topic, one.what, one.before, one.after) for one in found] == [
        ("container", "head istio-proxy", "container", "native sidecar"),
        ("flag", "head --port", "6379", "6380"),
        ("probe", "head istio-proxy readiness", "httpGet :15021/healthz/ready, every 15 s", "-"),
        ("probe", "head istio-proxy startup", "-", "httpGet :15021/healthz/ready, every 1 s"),
    ]


def test_what_spans_are_called_is_compared() -> None:
    spans = SpansSeen(("kuberay.team-a",), SIGHTS.spans.names if SIGHTS.spans else (), ("grpc.path",))
    found = compare(SEEN, replace(SEEN, sights=replace(SIGHTS, spans=spans)))
    assert [(one.topic, one.what, one.before, one.after) for one in found] == [
        ("trace", "service SUBJECT.team-a", "there", "-"),
        ("trace", "service kuberay.team-a", "-", "there"),
        ("trace", "tag grpc.status_code", "there", "-"),
    ]


def test_an_image_that_was_given_is_named() -> None:
    assert GREEN.images
    images = replace(GREEN.images, given={"kiali": "mine/kiali:1, a file"})
    assert compare(GREEN, replace(GREEN, images=images)) == (Change("run", "kiali", "-", "mine/kiali:1, a file"),)


def test_what_a_record_does_not_have_is_one_line_and_not_a_change_of_each_thing() -> None:
    assert SEEN.sights
    older = replace(SEEN, sights=replace(SIGHTS, services=(), spans=None))
    assert compare(older, SEEN) == (
        Change("service", "whatever was seen", "not in the record", "2 of them"),
        Change("trace", "whatever was seen", "not in the record", "4 of them"),
    )
