"""Who has no mesh identity is turned away at every port."""

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.observe import refusals
from raymesh.platform.kube import Kube
from raymesh.ports import Contract
from raymesh.witness.knock import Target

pytestmark = pytest.mark.e2e


def test_outsiders_are_refused_and_insiders_served(
    run: Run,
    kube: Kube,
    probe_pods: None,  # noqa: ARG001 - they knock
    targets: list[Target],
    contract: Contract,
    judge: Judge,
) -> None:
    """Plaintext, TLS 1.2 and TLS 1.3 without a certificate are refused; the same client in the mesh is answered."""
    with run.progress.phase(f"{len(targets)} ports, knocked at from outside and inside"):
        judge(refusals(kube, targets, contract))
