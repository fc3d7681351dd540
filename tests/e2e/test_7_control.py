"""The control: when plaintext is allowed and used, the verdicts say so; when it no longer is, they agree again."""

from collections.abc import Iterator

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.kube import Kube
from raymesh.mesh.istio import peer_authentication
from raymesh.mesh.raycluster import PODS
from raymesh.observe import (
    Work,
    kiali_shows_mtls,
    outsider_gets_through,
    plaintext_shows,
    prometheus_shows_mtls,
    refusals,
    serving_targets,
    sidecars_show_mtls,
    sidecars_turn,
)
from raymesh.ports import Contract, Role
from raymesh.probes.knock import Target
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.kiali import Kiali
from raymesh.witness.prometheus import Prometheus

pytestmark = pytest.mark.e2e


@pytest.fixture
def permissive(kube: Kube, strict: None) -> Iterator[None]:  # noqa: ARG001 - it is what is put back
    """PERMISSIVE in place of STRICT."""
    try:
        kube.apply([peer_authentication("PERMISSIVE")])
        yield
    finally:
        kube.apply([peer_authentication("STRICT")])


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
) -> None:
    """With PERMISSIVE a plaintext client gets through, and Kiali, Prometheus and the sidecars each show it."""
    within = run.settings.timeouts.evidence
    with run.progress.phase("control: PERMISSIVE and a plaintext client"):
        serving = serving_targets(targets, contract)
        outsider_gets_through(kube, serving, within=within)
        sidecars_turn(sidecars, green=False, within=within)
        plaintext_shows(prometheus, kiali, work, kube, serving, within=within)


def test_strict_again_turns_them_green(
    run: Run,
    kube: Kube,
    probe_pods: None,  # noqa: ARG001 - it is refused again
    targets: list[Target],
    contract: Contract,
    kiali: Kiali,
    prometheus: Prometheus,
    sidecars: dict[Role, EnvoyAdmin],
    work: Work,
    judge: Judge,
) -> None:
    """After the control STRICT holds again: refused, and green by every witness."""
    within = run.settings.timeouts.evidence
    with run.progress.phase("after the control: STRICT again"):
        sidecars_turn(sidecars, green=True, within=within)
        again = [
            *sidecars_show_mtls(sidecars, pods=PODS),
            *kiali_shows_mtls(kiali, work, within=within),
            # After Kiali: by then every scrape has come in that still counts the control's plaintext.
            *prometheus_shows_mtls(prometheus, work, within=within),
            *refusals(kube, targets, contract),  # last: what knocks once makes edges that flicker for a rate window
        ]
        judge(again)
