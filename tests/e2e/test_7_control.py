"""The controls: a mesh that is broken on purpose turns the verdicts red; once it is whole again they are green."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.controls import (
    Ask,
    agent_in_sight,
    agent_out_of_sight,
    outsider_gets_through,
    plaintext_shows,
    sidecars_turn,
)
from raymesh.faults.impostor import impostor
from raymesh.images.source import Served
from raymesh.mesh import guide as raycluster
from raymesh.mesh.istio import peer_authentication
from raymesh.observe import (
    Look,
    Work,
    kiali_shows_mtls,
    node_address,
    platform,
    prometheus_shows_mtls,
    refusals,
    serving_targets,
    sidecars_show_mtls,
)
from raymesh.platform.kube import Kube
from raymesh.ports import Contract, Role
from raymesh.traffic import AGENT_PORT, Traffic
from raymesh.verdicts.finding import names, red
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.kiali import Kiali
from raymesh.witness.knock import Target
from raymesh.witness.pods import Pod
from raymesh.witness.prometheus import Prometheus

pytestmark = pytest.mark.e2e


@pytest.fixture
def misdeclared(kube: Kube, served: Served, contract: Contract) -> Iterator[Contract]:
    """A headless Service that declares the dashboard agent's port as tcp in place of http.

    Not a port of Ray's own gRPC: where Istio changes a port's protocol, calls under way break, and Ray gives up actors.
    """
    wrong = raycluster.ports(served.lane, {AGENT_PORT: "tcp"})
    try:
        kube.apply([raycluster.headless_service(wrong)])
        yield wrong
    finally:
        kube.apply([raycluster.headless_service(contract)])


@pytest.fixture
def ask_agent(traffic: Traffic, ray_pods: dict[Role, Pod], contract: Contract) -> Ask:
    """Ask the worker's dashboard agent how it is, from the head."""
    return lambda: traffic.ask_agent(node_address(ray_pods["worker"]), contract)


@pytest.fixture
def permissive(kube: Kube, strict: None) -> Iterator[None]:  # noqa: ARG001 - it is what is put back
    """PERMISSIVE in place of STRICT."""
    try:
        kube.apply([peer_authentication("PERMISSIVE")])
        yield
    finally:
        kube.apply([peer_authentication("STRICT")])


def test_an_impostor_turns_every_platform_verdict_red(
    run: Run, kube: Kube, served: Served, traffic: Traffic, turned_red: Judge
) -> None:
    """A pod that is nothing of what Ray's have to be, taken for one of them, and another lane."""
    other = replace(served.lane, ray="0.0.0")
    with run.progress.phase("control: an impostor"), impostor(kube, served.as_written) as name:
        turned_red(platform(kube, traffic, other, {name}))


def test_a_port_declared_as_tcp_is_lost_from_sight(
    run: Run,
    misdeclared: Contract,  # the deliberate break
    look: Look,
    ask_agent: Ask,
    contract: Contract,
    turned_red: Judge,
) -> None:
    """Calls to a port declared as tcp are answered and leave no trace, which turns just the verdicts on it red."""
    within = run.settings.timeouts.evidence
    with run.progress.phase("control: the agent's port declared as tcp"):
        turned_red(agent_out_of_sight(look, ask_agent, contract, misdeclared, within=within))


def test_plaintext_turns_every_mtls_verdict_red(
    run: Run,
    kube: Kube,
    probe_pods: None,  # noqa: ARG001 - one of them sends the plaintext
    targets: list[Target],
    contract: Contract,
    permissive: None,  # noqa: ARG001 - the deliberate break
    kiali: Kiali,
    prometheus: Prometheus,
    sidecars: dict[Role, EnvoyAdmin],
    work: Work,
    turned_red: Judge,
) -> None:
    """With PERMISSIVE a plaintext client gets through, and Kiali, Prometheus and the sidecars each show it."""
    within = run.settings.timeouts.evidence
    with run.progress.phase("control: PERMISSIVE and a plaintext client"):
        serving = serving_targets(targets, contract)
        outsider_gets_through(kube, serving, within=within)
        let_in = red(refusals(kube, serving, contract))
        assert names(let_in) == {"plaintext: refused"}
        lax = red(sidecars_turn(sidecars, green=False, within=within))
        assert names(lax) == {"no inbound chain without mTLS"}
        turned_red([*let_in, *lax, *plaintext_shows(prometheus, kiali, work, kube, serving, within=within)])


def test_a_mesh_that_is_whole_again_is_green(
    run: Run,
    kube: Kube,
    probe_pods: None,  # noqa: ARG001 - it is refused again
    targets: list[Target],
    contract: Contract,
    kiali: Kiali,
    prometheus: Prometheus,
    sidecars: dict[Role, EnvoyAdmin],
    look: Look,
    ask_agent: Ask,
    work: Work,
    judge: Judge,
) -> None:
    """After the controls every port is declared and STRICT holds again: refused, and green by every witness."""
    within = run.settings.timeouts.evidence
    with run.progress.phase("after the controls: whole again"):
        sidecars_turn(sidecars, green=True, within=within)
        again = [
            *sidecars_show_mtls(sidecars, pods=raycluster.PODS),
            *agent_in_sight(look, ask_agent, contract, within=within),
            *kiali_shows_mtls(kiali, work, within=within),
            # After Kiali: by then every scrape has come in that still counts the control's plaintext.
            *prometheus_shows_mtls(prometheus, work, within=within),
            *refusals(kube, targets, contract),  # last: what knocks once makes edges that flicker for a rate window
        ]
        judge(again)
