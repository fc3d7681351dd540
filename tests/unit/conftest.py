"""What many unit tests stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from raymesh.platform.kube import Kube
from tests.unit.api.server import Api, borrowed, cluster

# Property tests have no deadline of their own: a machine that also builds images may be slow for a second.
settings.register_profile("raymesh", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("raymesh")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    """An API server to which the context of the user's own kubeconfig leads."""
    with borrowed(monkeypatch, tmp_path) as found:
        yield found


@pytest.fixture
def kube(api: Api, tmp_path: Path) -> Kube:
    """The cluster of that server."""
    return cluster(api, tmp_path)
