"""A subject is taken away, and a sidecar that would keep KubeRay from it is ended and told of."""

from __future__ import annotations

from typing import Any

import pytest

from raymesh.errors import WaitTimeout
from raymesh.mesh import removing
from raymesh.platform.kube import Kube
from tests.unit.api.server import Api

Doc = dict[str, Any]
CLUSTER: Doc = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": "mine", "namespace": "team"}}


def cleaner(ray: Doc, sidecar: Doc) -> Doc:
    states = [{"name": "ray-head", "state": ray}, {"name": "istio-proxy", "state": sidecar}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "cleaner", "namespace": "team", "labels": {"ray.io/node-type": "redis-cleanup"}},
        "spec": {"containers": []},
        "status": {"phase": "Running", "containerStatuses": states},
    }


def test_what_is_deleted_is_gone_and_nothing_is_told(api: Api, kube: Kube) -> None:
    api.put(CLUSTER)
    assert removing.remove(kube, [CLUSTER], ["team"]) == ()
    assert not api.objects
    assert removing.remove(kube, [CLUSTER], ["team"]) == ()  # of what is not there


ENDED: Doc = {"terminated": {"exitCode": 0}}
RUNS: Doc = {"running": {}}


@pytest.mark.parametrize(
    ("ray", "sidecar", "told"),
    [(ENDED, RUNS, 1), (RUNS, RUNS, 0), (ENDED, ENDED, 0), (RUNS, ENDED, 0)],
)
def test_a_sidecar_that_stays_when_the_work_is_done_is_ended_and_told_of(
    ray: Doc, sidecar: Doc, told: int, api: Api, kube: Kube
) -> None:
    api.put(cleaner(ray, sidecar))
    notes = removing.remove(kube, [CLUSTER], ["team"])
    assert len(notes) == told
    assert any(call.resource == "pods/exec" for call in api.calls) == bool(told)
    assert all("the sidecar of cleaner is not native" in note for note in notes)


def test_what_does_not_go_is_told_by_its_name(api: Api, kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "GONE_SECONDS", 0.2)
    api.put(CLUSTER)
    api.kept.add(("rayclusters", "mine"))  # by a finalizer
    with pytest.raises(WaitTimeout, match=r"are gone: not reached .* raycluster.ray.io/mine"):
        removing.remove(kube, [CLUSTER], ["team"])
