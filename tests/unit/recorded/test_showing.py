"""What a record shows, made of the recorded answers of a green run."""

from __future__ import annotations

from dataclasses import replace

from raymesh.proof import showing
from raymesh.verdicts.calls import calls_across
from raymesh.verdicts.ports import SIDECAR_PORTS
from raymesh.witness.envoy import parse_inbound
from raymesh.witness.holders import parse_inside
from raymesh.witness.jaeger import parse_spans
from raymesh.witness.kiali import parse_graph
from raymesh.witness.knock import Knock, Outcome, targets
from raymesh.witness.prometheus import parse_vector
from tests.unit.recorded.recordings import HEAD, PODS, SUBJECT, WORKER, member, parsed
from tests.unit.recorded.spans import CONTRACT, MEMBERS, RUN, TRACES

HERE = (member(HEAD, "head", "10.244.0.7"), member(WORKER, "worker", "10.244.0.8"))
INSIDES = {pod: parsed(parse_inside, f"holders-{pod}.json") for pod in PODS}
CHAINS = {pod: parsed(parse_inbound, f"envoy-{pod}-listeners.json") for pod in PODS}
SPANS = parsed(parse_spans, TRACES)
CALLS = calls_across(RUN.of(SPANS))
LISTENING = {pod: inside.listening_ports for pod, inside in INSIDES.items()}
KNOCKS = [
    Knock("plaintext", target, Outcome("reset", "connected"))
    for target in targets(HERE, LISTENING, CONTRACT, apart=SIDECAR_PORTS)
    if target.listens
]


def test_edges_are_kialis() -> None:
    shown = showing.edges(parsed(parse_graph, "kiali-graph.json"))
    inner = [edge for edge in shown if edge.source == edge.target == f"{SUBJECT.name}.{SUBJECT.namespace}"]
    assert {edge.protocol for edge in inner} >= {"grpc"}
    assert {edge.mtls_percent for edge in inner} == {100.0}
    assert {edge.source_identity for edge in inner} == SUBJECT.identities


def test_the_posture_has_every_port_that_listens_and_every_declared_one() -> None:
    rows = {(row.role, row.number): row for row in showing.posture(HERE, INSIDES, CHAINS, {}, [], KNOCKS, CONTRACT)}
    assert {number for role, number in rows if role == "head"} >= LISTENING[HEAD] - SIDECAR_PORTS.keys()
    assert {number for _, number in rows} >= {port.number for port in CONTRACT.headless_ports()}
    manager = CONTRACT.find("node-manager-port")
    assert manager.numbers is not None
    row = rows["worker", manager.numbers[0]]
    assert (row.name, row.declared, row.pods, row.listens, row.held_by) == (
        *("node-manager-port", "grpc", 1, 1),
        ("raylet",),
    )
    assert (row.asked, row.mtls, row.knocks, row.refused) == (1, 1, 1, 1)
    assert row.crosses == tuple(way for way in manager.crosses if way.endswith("->worker"))


def test_a_chain_that_lets_plaintext_in_is_not_counted_as_mtls() -> None:
    def lax(port: int | None) -> dict[str, int]:
        chains = {
            pod: [replace(chain, tls=None) if chain.port == port else chain for chain in chains]
            for pod, chains in CHAINS.items()
        }
        rows = showing.posture(HERE, INSIDES, chains, {}, [], [], CONTRACT)
        return {f"{row.role} {row.number}": row.mtls for row in rows if row.asked != row.mtls}

    number = CONTRACT.headless_ports()[0].number
    assert set(lax(number)) <= {f"head {number}", f"worker {number}"} != set()
    assert lax(number)
    assert not any(str(port.number) in text for text in lax(None) for port in CONTRACT.headless_ports())


def test_a_pod_that_could_not_be_asked_is_not_counted() -> None:
    rows = showing.posture(HERE, {HEAD: INSIDES[HEAD]}, {HEAD: CHAINS[HEAD]}, {}, [], [], CONTRACT)
    assert {(row.pods, row.asked) for row in rows if row.role == "head"} == {(1, 1)}
    assert {(row.pods, row.listens, row.asked, row.mtls) for row in rows if row.role == "worker"} == {(0, 0, 0, 0)}


def test_tcp_is_seen_by_the_chain_of_a_port_that_was_dialled() -> None:
    gcs = CONTRACT.find("gcs-server-port").numbers
    assert gcs is not None
    rows = showing.posture(HERE, INSIDES, CHAINS, {HEAD: {gcs[0]}}, [], [], CONTRACT)
    assert [row.seen_as for row in rows if (row.role, row.number) == ("head", gcs[0])] == [("tcp",)]


def test_calls_and_methods_add_up_to_the_same() -> None:
    roles = RUN.roles
    between = showing.between_pods(CALLS)
    by_method = showing.methods(CALLS, roles, CONTRACT)
    assert sum(one.calls for one in between) == sum(one.calls for one in by_method) == len(CALLS) > 0
    assert {(one.source, one.target) for one in between} == {
        (MEMBERS[0].name, MEMBERS[1].name),
        (MEMBERS[1].name, MEMBERS[0].name),
    }
    assert all(0 <= one.median <= one.p95 <= one.longest for one in by_method)
    assert "/ray.rpc.CoreWorkerService/PushTask" in {one.method for one in by_method}


def test_a_shown_trace_is_real_and_has_both_sides() -> None:
    shown = showing.traces(CALLS, SPANS, RUN.roles, CONTRACT)
    assert {one.way for one in shown} == {"head->worker", "worker->head"}
    for trace in shown:
        assert {span.side for span in trace.spans} == {"client", "server"}
        assert min(span.offset for span in trace.spans) == 0
        assert {span.trace_id for span in SPANS} >= {trace.trace}


def test_what_was_received_is_counted_by_the_receiving_side_alone() -> None:
    samples = parsed(parse_vector, "prometheus-query.json")
    rows = showing.received(samples, PODS)
    assert {row.pod for row in rows} == set(PODS)
    assert {row.security for row in rows} == {"mutual_tls"}
    sent = [replace(s, labels={**s.labels, "reporter": "source"}) for s in samples]
    assert showing.received(sent, PODS) == ()


def test_clients_are_counted_by_what_happened() -> None:
    wrong = replace(KNOCKS[0], outcome=Outcome("http", "connected", status="200", by="application", detail="hello"))
    [row] = showing.clients([*KNOCKS[1:], wrong])
    assert (row.client, row.tried, row.as_must) == ("plaintext", len(KNOCKS), len(KNOCKS) - 1)
    assert row.outcomes == {
        "reset, on the bare connection": len(KNOCKS) - 1,
        "HTTP 200 by application, on the bare connection": 1,
    }
