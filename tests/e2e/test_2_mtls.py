"""Every byte between Ray nodes is mutually authenticated: three witnesses that do not know of each other."""

import pytest

from fixtures.run import Run
from fixtures.session import Judge
from raymesh.mesh.guide import PODS
from raymesh.observe import Work, kiali_shows_mtls, prometheus_shows_mtls, sidecars_show_mtls
from raymesh.ports import Role
from raymesh.witness.envoy import EnvoyAdmin
from raymesh.witness.kiali import Kiali
from raymesh.witness.prometheus import Prometheus

pytestmark = pytest.mark.e2e


def test_kiali_shows_mtls_on_the_self_edge(
    run: Run,
    kiali: Kiali,
    work: Work,
    judge: Judge,
) -> None:
    """Kiali's graph has the gRPC self-edge at 100 % mTLS, in several polls in a row, and no edge with less."""
    with run.progress.phase("mTLS by Kiali"):
        judge(kiali_shows_mtls(kiali, work, within=run.settings.timeouts.evidence))


def test_prometheus_counts_mutual_tls_only(run: Run, prometheus: Prometheus, work: Work, judge: Judge) -> None:
    """While Ray works, what the receiving sidecars count grows as mutual_tls, and nothing grows as none."""
    with run.progress.phase("mTLS by Prometheus"):
        judge(prometheus_shows_mtls(prometheus, work, within=run.settings.timeouts.evidence))


def test_the_sidecars_speak_tls_1_3_only(run: Run, sidecars: dict[Role, EnvoyAdmin], work: Work, judge: Judge) -> None:
    """Each sidecar had TLS 1.3 handshakes and no other, and no inbound chain takes plaintext."""
    with run.progress.phase("mTLS by the sidecars"):
        work()
        judge(sidecars_show_mtls(sidecars, pods=PODS))
