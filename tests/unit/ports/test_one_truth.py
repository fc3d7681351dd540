"""Generator, linter, audit and the suite's own Service say the same of every port of every Ray version."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from raymesh.audit.judge import judge
from raymesh.audit.model import Audit, Crossing, Listener, Step
from raymesh.audit.recordings import Recording, load, recorded_versions
from raymesh.commands.main import main
from raymesh.errors import UsageError
from raymesh.generate import guide
from raymesh.generate.manifests import Plan, as_yaml, check, cluster, service
from raymesh.lane import load_lane
from raymesh.lint.diagnostics import Severity
from raymesh.lint.run import lint_texts
from raymesh.ports import (
    WORKER_PORTS,
    AppProtocol,
    Contract,
    ServicePort,
    Version,
    guide_contract,
    parse_version,
    working_contract,
)
from raymesh.ports.facts import GUIDE_PROTOCOLS
from raymesh.ports.model import BOTH
from raymesh.subject.wanted import Around, wanted_of

# The recorded ones, and those on both sides of every change of flags and ports.
VERSIONS = sorted({*recorded_versions(), "2.40.0", "2.41.0", "2.44.1", "2.45.0", "2.47.1", "2.48.0"}, key=parse_version)
PROTOCOLS: tuple[AppProtocol, ...] = ("grpc", "http", "tcp")
RANDOM = range(32768, 61000)
RANDOM_NUMBERS = {"serve-replica-grpc": 40002}


def audited(made: Contract, kept: Recording) -> Audit:
    """What was recorded of a Ray version, as one audit in which everything that ever crossed does so."""
    listeners = []
    for one in kept.opened:
        port = made.find(one.name)
        opened = port.numbers or (RANDOM_NUMBERS[one.name],)
        listeners += [Listener(one.role, number, one.bind, one.process, one.speaks) for number in opened]
    crossings = [
        Crossing(one.direction, numbers[0], True, ("ray",))
        for one in kept.crossed
        if (numbers := made.find(one.name).numbers)
    ]
    return Audit(
        ray=kept.ray,
        serve=True,
        power="two hosts",
        flags=kept.flags,
        refused=(),
        random=RANDOM,
        listeners=tuple(sorted(listeners)),
        crossings=tuple(crossings),
        steps=(Step("tasks", True, "", 1.0),),
        seconds=1.0,
        peak_megabytes=1,
    )


def crossing_everywhere(made: Contract) -> Audit:
    """An audit in which every port of the headless Service is dialled in every direction that the contract knows."""
    numbers = {p.number for p in made.headless_ports()}
    ports = [p for p in made.ports if p.numbers and p.numbers[0] in numbers]
    crossings = [Crossing("head->worker", p.numbers[0], True, ()) for p in ports if p.numbers and "worker" in p.roles]
    crossings += [Crossing("worker->head", p.numbers[0], True, ()) for p in ports if p.numbers and "head" in p.roles]
    opened = [Listener(role, p.numbers[0], "all", "ray", p.speaks) for p in ports if p.numbers for role in p.roles]
    empty = audited(made, replace(load("2.60.0"), opened={}, crossed={}))
    return replace(empty, listeners=tuple(opened), crossings=tuple(crossings))


def told_by_audit(made: Contract) -> set[str]:
    """Ports of which the audit says that a sidecar breaks them."""
    return {one.subject for one in judge(crossing_everywhere(made), made) if one.kind == "mesh"}


def told_by_lint(made: Contract) -> set[str]:
    """Ports of which the linter says that their declared protocol can't be read."""
    plan = Plan(made, name="mine", as_guide=True)
    text = as_yaml(service(plan), cluster(plan))
    found = [f.message for f in lint_texts({"m": text}).findings if f.rule == "RM008" and "traces" not in f.message]
    names = {p.number: p.name for p in made.headless_ports()}
    broken = {names[int(message.split()[1])] for message in found}
    return {WORKER_PORTS if name.startswith("p1") else name for name in broken}


@pytest.mark.parametrize("version", recorded_versions())
def test_what_is_generated_stands_every_recorded_audit(version: str) -> None:
    made = working_contract(version, serve=True)
    assert judge(audited(made, load(version)), made) == []


@pytest.mark.parametrize("version", recorded_versions())
def test_what_the_guide_gets_wrong_is_told_of_every_recorded_audit(version: str) -> None:
    """The control: the same recording, held against the guide's declarations."""
    made = guide_contract(version, numbers={}, serve=True)
    kept = load(version)
    fixed = replace(kept, opened={one: n for one, n in kept.opened.items() if one.name != "dashboard-grpc-port"})
    told = {(one.kind, one.subject) for one in judge(audited(made, fixed), made)}
    assert told == {("mesh", name) for name in GUIDE_PROTOCOLS}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_generated_is_not_blamed_by_anybody(version: str) -> None:
    made = working_contract(version)
    plan = Plan(made, name="mine")
    check(plan)
    assert lint_texts({"m": as_yaml(service(plan), cluster(plan))}).findings == []
    assert told_by_audit(made) == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_port_under_every_protocol_is_judged_alike(version: str) -> None:
    """Linter and audit blame the same declarations, and the generator refuses those and no other."""
    for name in {p.name for p in working_contract(version).ports if p.declared_in == "headless"}:
        for protocol in PROTOCOLS:
            made = working_contract(version, protocols={name: protocol})
            blamed = told_by_audit(made)
            assert blamed <= {name}
            assert told_by_lint(made) == blamed, (name, protocol)
            assert refused(made) == bool(blamed), (name, protocol)


def refused(made: Contract) -> bool:
    try:
        check(Plan(made, name="mine"))
    except UsageError:
        return True
    return False


@pytest.mark.parametrize("version", VERSIONS)
def test_the_suite_s_service_is_the_guide_s_with_what_makes_it_work(version: str) -> None:
    """It has what the generator adds; where it keeps the guide's word, linter and audit both blame it."""
    lane = replace(load_lane("seed"), ray=version)
    service, _ = yaml.safe_load_all(guide.text(lane))
    suite = {ServicePort(e["name"], e["port"], e["appProtocol"]) for e in service["spec"]["ports"]}
    works = set(working_contract(version, Version(1, 1)).headless_ports())
    assert {p.name for p in suite - works} == set(GUIDE_PROTOCOLS)
    assert {p.number for p in suite} == {p.number for p in works}
    made = guide.contract_for(lane.ray, lane.kuberay)
    assert told_by_audit(made) == told_by_lint(made) == set(GUIDE_PROTOCOLS)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_command_makes_what_the_contract_says(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "generate", "--ray", version, "--name", "mine", "--kuberay", "1.6"]) == 0
    made = working_contract(version, Version(1, 6))
    headless, ray = yaml.safe_load_all(capsys.readouterr().out)
    assert {(e["name"], e["port"], e["appProtocol"]) for e in headless["spec"]["ports"]} == {
        (p.name, p.number, p.app_protocol) for p in made.headless_ports()
    }
    head = ray["spec"]["headGroupSpec"]["rayStartParams"]
    assert head.items() >= made.ray_start_params("head").items()
    assert ("dashboard-grpc-port" in head) == (parse_version(version) < Version(2, 45))


def generated(made: Contract) -> str:
    plan = Plan(made, name="mine", as_guide=True)  # as the contract says, whether it works or not
    return as_yaml(service(plan), cluster(plan))


def of_subject(text: str, kuberay: Version) -> Contract:
    """What the suite of the cluster takes the manifests for."""
    return wanted_of({"m": text}, Around(kuberay=kuberay, istio=(1, 31))).subject.contract


@pytest.mark.parametrize("kuberay", [Version(1, 1), Version(1, 6)], ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_subject_has_every_port_of_the_contract(version: str, kuberay: Version) -> None:
    """Names, numbers, roles, protocols, and where each is declared: the suite proves what the generator writes."""
    made = working_contract(version, kuberay)
    asked = of_subject(generated(made), kuberay)
    assert asked.headless_ports() == made.headless_ports()
    for role in BOTH:
        assert {(p.name, p.numbers, p.app_protocol, p.declared_in) for p in asked.listeners(role)} == {
            (p.name, p.numbers, p.app_protocol, p.declared_in) for p in made.listeners(role)
        }
    assert told_by_audit(asked) == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_subject_expects_the_declared_word_where_the_linter_finds_no_fault(version: str) -> None:
    """For every port under every protocol: either both take the manifests' word, or neither does.

    A note is no fault: the guide's own word for one port is told, and taken.
    """
    for port in working_contract(version).ports:
        for protocol in PROTOCOLS if port.declared_in == "headless" and port.numbers else ():
            text = generated(working_contract(version, protocols={port.name: protocol}))
            said = lint_texts({"m": text}).findings
            blamed = [f for f in said if f.rule == "RM008" and f.severity > Severity.NOTE]
            asked = of_subject(text, Version(1, 6))
            for number in port.numbers or ():
                assert (asked.protocol_of(number) == protocol) == (not blamed), (number, protocol)
