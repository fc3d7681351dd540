"""The builder of records: filled step by step, from threads too, and whole at any moment."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from raymesh.evidence.builder import NO_TEST, RecordBuilder, fault_run
from raymesh.evidence.record import Red, SharedSource, SubjectGroup, TakenOut, from_json, to_json
from raymesh.lane import load_lane
from raymesh.ports import contract
from raymesh.progress import Progress
from raymesh.subject import CLUSTER_LABEL, GROUP_LABEL, TYPE_LABEL, Subject
from raymesh.verdicts import catalog
from raymesh.verdicts.catalog import Verdict
from raymesh.verdicts.finding import Finding
from raymesh.witness.pods import parse_pods
from tests.unit.evidence.records import CHAINS, EDGES, PLAINTEXT, SIGHTS, fault

OK = Finding(
    PLAINTEXT, ok=True, expected="a reset", seen="a reset", witness="probe", about="head", figures={"ports": 3}
)
BAD = Finding(EDGES, ok=False, expected="100 %", seen="50 %", witness="Kiali")


@pytest.fixture
def builder() -> RecordBuilder:
    return RecordBuilder({"lane": "seed"}, Progress(io.StringIO()))


def test_a_run_that_has_only_begun_is_incomplete_and_no_proof(builder: RecordBuilder) -> None:
    record = from_json(to_json(builder.record()))
    assert (record.status, record.ended, record.options) == ("incomplete", None, {"lane": "seed"})
    assert record.wrong
    assert {verdict.id for verdict in record.verdicts} == set(catalog.VERDICTS)


def test_findings_come_with_their_test_and_the_witnesses_that_were_heard(builder: RecordBuilder) -> None:
    builder.judged("test_refusal", [OK])
    builder.judged("test_kiali", [BAD])
    record = builder.record()
    assert [(one.test, one.verdict, one.ok) for one in record.judgements] == [
        ("test_refusal", PLAINTEXT.id, True),
        ("test_kiali", EDGES.id, False),
    ]
    assert record.judgements[0].figures == {"ports": 3}
    assert record.witnesses == ("Envoy", "Kiali", "Prometheus", "probe")


def test_a_figure_that_json_does_not_have_does_not_keep_the_record_from_being_written(builder: RecordBuilder) -> None:
    builder.judged("test_refusal", [replace(OK, figures={"share": float("nan"), "rate": float("inf")})])
    assert builder.record().judgements[0].figures == {"share": "nan", "rate": "inf"}
    assert to_json(builder.record())


def test_the_lane_says_what_it_wants_and_what_stands_in(builder: RecordBuilder) -> None:
    lane = load_lane("seed")
    builder.lane(lane)
    asked = builder.record().lane
    assert asked is not None
    assert (asked.name, asked.stand_ins) == ("seed", {})
    builder.lane(lane.as_built())
    built = builder.record().lane
    assert built is not None
    assert built.wanted == asked.wanted
    assert built.stand_ins == dict(lane.build)


def test_the_subject_is_kept_with_its_pods_and_every_port_of_its_contract(builder: RecordBuilder) -> None:
    pod = {
        "metadata": {
            "name": "mine-head",
            "namespace": "team-a",
            "labels": {CLUSTER_LABEL: "mine", TYPE_LABEL: "head", GROUP_LABEL: "headgroup"},
        },
        "spec": {"containers": [{"name": "ray-head", "image": "ray"}]},
        "status": {"podIP": "10.0.0.7"},
    }
    ports = contract("2.10.0")
    subject = Subject(
        kind="RayJob",
        name="mine",
        namespace="team-a",
        headless_service="svc",
        head_service="head-svc",
        tracing_services=frozenset({"mine.team-a"}),
        contract=ports,
        groups={"headgroup": 1},
        service_accounts=frozenset({"ray", "default"}),
    )
    builder.subject(subject, subject.members(parse_pods(json.dumps({"items": [pod]}))))
    kept = builder.record().subject
    assert kept is not None
    assert (kept.kind, kept.name, kept.namespace, kept.ray) == ("RayJob", "mine", "team-a", "2.10.0")
    assert (kept.groups, kept.service_accounts) == ((SubjectGroup("headgroup", 1),), ("default", "ray"))
    assert [(one.name, one.role, one.host) for one in kept.pods] == [
        ("mine-head", "head", "10-0-0-7.svc.team-a.svc.cluster.local")
    ]
    assert [one.name for one in kept.ports] == [port.name for port in ports.ports]
    [workers] = [one for one in kept.ports if one.name == "worker-ports"]
    assert (workers.first, workers.last) == (ports.worker_ports[0], ports.worker_ports[-1])
    assert all(one.first is None for one in kept.ports if ports.find(one.name).numbers is None)


def test_a_program_is_asked_again_and_the_last_word_stays(builder: RecordBuilder) -> None:
    for seen, where in (("1", "node-a"), ("1", "node-b"), ("2", "node-a")):
        builder.versions({f"kubelet of {where}": seen, "istiod": seen})
        builder.proxy(where, "stock Envoy", seen)
    record = builder.record()
    assert {(one.program, one.where, one.version) for one in record.versions} == {
        ("istiod", "", "2"),
        ("kubelet", "node-a", "2"),
        ("kubelet", "node-b", "1"),
    }
    assert {(one.pod, one.version) for one in record.proxies} == {("node-a", "2"), ("node-b", "1")}


def test_what_programs_said_of_themselves_in_a_finding_is_kept_as_observed(builder: RecordBuilder) -> None:
    said = {"ray": "2.10.0", "kubelet of node-1": "1.29.15"}
    builder.judged("whole before any fault", [replace(OK, verdict=catalog.VERSIONS, figures=said)])
    seen = [(one.program, one.version, one.where) for one in builder.record().versions]
    assert seen == [("ray", "2.10.0", ""), ("kubelet", "1.29.15", "node-1")]


def test_shared_sources_are_the_catalogues_and_what_the_run_adds(builder: RecordBuilder) -> None:
    by_source = {one.source: one for one in builder.record().independence}
    assert {"Kiali", "Prometheus"} <= set(by_source["Prometheus"].witnesses)
    builder.shares("our EnvoyFilter", ["Prometheus", "Kiali"], "stock Envoy has no metadata exchange")
    assert builder.record().independence[-1] == SharedSource(
        "our EnvoyFilter", ("Prometheus", "Kiali"), "stock Envoy has no metadata exchange"
    )


def test_a_run_in_which_all_holds_passes_and_says_what_nobody_asked(builder: RecordBuilder) -> None:
    builder.not_asked(catalog.KNOWN, "--without jaeger")
    builder.judged("test_refusal", [OK])
    builder.fault(fault(PLAINTEXT, CHAINS))
    record = builder.finish("passed")
    assert (record.status, record.wrong) == ("passed", ())
    assert record.ended is not None
    assert record.not_asked[catalog.KNOWN.id] == "--without jaeger"
    assert record.not_asked[EDGES.id] == NO_TEST
    assert set(record.not_asked) == set(catalog.VERDICTS) - {PLAINTEXT.id}


def test_no_run_passes_that_is_no_proof() -> None:
    def finished(step: str) -> str:
        builder = RecordBuilder({}, Progress(io.StringIO()))
        if step != "nothing judged":
            builder.judged("test_refusal", [OK])
        if step == "a finding is red":
            builder.judged("test_kiali", [BAD])
        if step == "a fault stayed green":
            builder.fault(fault(PLAINTEXT))
        if step == "a test failed":
            builder.failure("test_job", "setup", "WaitTimeout")
        return builder.finish("passed").status

    assert finished("all holds") == "passed"
    wrong = ("nothing judged", "a finding is red", "a fault stayed green", "a test failed")
    assert {step: finished(step) for step in wrong} == dict.fromkeys(wrong, "failed")


def test_an_interrupted_run_stays_interrupted(builder: RecordBuilder) -> None:
    builder.judged("test_kiali", [BAD])
    assert builder.finish("interrupted").status == "interrupted"


def test_what_was_taken_out_is_counted_by_kind_and_the_last_count_stays(builder: RecordBuilder) -> None:
    builder.redacted({"tokens": 1})
    builder.redacted({"tokens": 2, "keys": 1})
    assert builder.record().redacted == (TakenOut("tokens", 2), TakenOut("keys", 1))


def test_phases_are_those_of_the_progress(builder: RecordBuilder) -> None:
    with builder.progress.phase("mesh"):
        assert builder.record().phases == ()
    assert [one.phase for one in builder.record().phases] == ["mesh"]


@dataclass(frozen=True)
class Fault:
    id: str
    title: str
    family: str
    turns_red: frozenset[Verdict]


def test_a_fault_is_kept_with_the_findings_that_do_not_hold() -> None:
    edges = Fault("policy-permissive", "PERMISSIVE", "policy", frozenset({EDGES}))
    run = fault_run(edges, [OK, BAD], seconds_to_red=3.0, seconds_to_green=4.0, mended=True)
    assert (run.fault, run.title, run.family, run.expected) == (
        "policy-permissive",
        "PERMISSIVE",
        "policy",
        (EDGES.id,),
    )
    assert run.red == (Red(EDGES.id, "", "50 %", "Kiali"),)
    assert run.ok
    never = fault_run(edges, [OK], seconds_to_red=None, seconds_to_green=4.0, mended=True, problem="not red in 300 s")
    assert (never.ok, never.missing, never.problem) == (False, (EDGES.id,), "not red in 300 s")


def test_threads_lose_nothing_and_the_record_is_whole_all_the_while(builder: RecordBuilder) -> None:
    def work(number: int) -> None:
        builder.judged(f"test_{number}", [OK, BAD])
        builder.note(str(number))
        assert from_json(to_json(builder.record())).notes

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    record = builder.record()
    assert len(record.judgements) == 80
    assert sorted(record.notes, key=int) == [str(number) for number in range(40)]


def test_what_was_to_be_seen_in_the_end_is_kept(builder: RecordBuilder) -> None:
    assert builder.record().sights is None
    builder.sights(SIGHTS)
    assert from_json(to_json(builder.record())).sights == SIGHTS
