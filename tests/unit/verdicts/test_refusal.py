"""Refusal: every outsider is turned away at every port, and the mesh is let in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raymesh.verdicts import OUTSIDERS, Probe, outsiders_refused
from raymesh.verdicts.finding import names
from raymesh.verdicts.refusal import Outcome
from tests.unit.verdicts.colour import red

PORTS = {("head", 6379), ("head", 6380), ("worker", 6380)}
ANSWERING = {("head", 6379)}
HEALTHY = (
    *(Probe(client, pod, port, "refused") for client in OUTSIDERS for pod, port in sorted(PORTS)),
    Probe("in the mesh", "head", 6379, "answered"),
)


def judged(*probes: Probe) -> set[str]:
    return red(outsiders_refused(probes, ports=PORTS, answering=ANSWERING))


def test_all_refused_and_the_mesh_let_in_is_green() -> None:
    assert judged(*HEALTHY) == set()


def test_no_probes_and_no_ports_are_red_everywhere() -> None:
    assert judged() == names(outsiders_refused((), ports=(), answering=()))
    nothing_wanted = outsiders_refused(HEALTHY, ports=(), answering=())
    assert red(nothing_wanted) == names(nothing_wanted)


@pytest.mark.parametrize("outcome", ["answered", "nobody"])
@pytest.mark.parametrize("at", range(9))
def test_an_outsider_that_is_not_refused_is_red(at: int, outcome: Outcome) -> None:
    probes = list(HEALTHY)
    probes[at] = replace(probes[at], outcome=outcome)
    assert judged(*probes) == {f"{probes[at].client}: refused"}


@pytest.mark.parametrize("outcome", ["refused", "nobody"])
def test_a_mesh_client_that_is_not_answered_is_red(outcome: Outcome) -> None:
    assert judged(*HEALTHY[:-1], replace(HEALTHY[-1], outcome=outcome)) == {"in the mesh: answered"}


@pytest.mark.parametrize("at", range(10))
def test_a_port_that_was_not_probed_is_red(at: int) -> None:
    left_out = HEALTHY[at]
    findings = outsiders_refused(HEALTHY[:at] + HEALTHY[at + 1 :], ports=PORTS, answering=ANSWERING)
    assert {f.verdict.split(":")[0] for f in findings if not f.ok} == {left_out.client}
    assert f"not probed: ('{left_out.pod}', {left_out.port})" in "".join(f.seen for f in findings if not f.ok)
