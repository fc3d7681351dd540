"""What flows between Ray's nodes is mTLS, by three witnesses; what they can't see, each verdict's page says."""

import pytest

from fixtures.session import Judge, Looks
from raymesh.proof import looks

pytestmark = pytest.mark.e2e
STABLE_POLLS = 3


@pytest.mark.asks("kiali")
def test_kiali_shows_mtls_on_every_edge(green: Looks, judge: Judge) -> None:
    """Kiali has the gRPC self-edge, and every edge at 100 % mTLS between known names, several times in a row."""
    judge(green("mTLS by Kiali", looks.work, looks.kiali, stable=STABLE_POLLS))


@pytest.mark.starts
@pytest.mark.asks("prometheus")
def test_prometheus_counts_mutual_tls_only(green: Looks, judge: Judge) -> None:
    """What each Ray pod's sidecar counts grows as mutual_tls, and was nothing else since the pod's first second."""
    judge(green("mTLS by Prometheus", looks.work, looks.prometheus))


@pytest.mark.asks("sidecars")
def test_the_sidecars_demand_the_meshs_certificates(green: Looks, judge: Judge) -> None:
    """Each sidecar had TLS 1.3 handshakes alone, demands and checks certificates, and shows its own when it dials."""
    judge(green("mTLS by the sidecars", looks.work, looks.sidecars))
