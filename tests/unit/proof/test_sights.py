"""What is to be seen is collected from whoever answers: a cluster that is gone leaves reasons, and no error."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn, cast

from raymesh.errors import CommandError
from raymesh.proof.bench import Bench
from raymesh.proof.sights import collect
from tests.unit.subject.guides import guides


def gone(*_: Any, **__: Any) -> NoReturn:
    raise CommandError("the API server does not serve")


def test_a_cluster_that_is_gone_leaves_reasons_and_no_error() -> None:
    kube = SimpleNamespace(kubectl=gone, pods_json=gone)
    kiali, jaeger = SimpleNamespace(graph=gone), SimpleNamespace(spans=gone)
    bench = SimpleNamespace(
        subject=guides().subject,
        witnesses=SimpleNamespace(kiali=kiali, jaeger=jaeger),
        **dict.fromkeys(("work", "members", "each_sidecar", "insides", "samples"), gone),
        kube=kube,
        windows=[],
        knocks=(),
        since=0.0,
        window=20,
    )
    sights = collect(cast("Bench", bench))
    parts = {
        "work",
        "pods",
        "traces",
        "chains",
        "sidecars",
        "sockets",
        "clients",
        "edges",
        "received",
        "services",
        "containers",
    }
    assert sights.missing.keys() == parts
    assert (sights.edges, sights.calls, sights.sidecars, sights.received) == ((), (), (), ())
    assert {port.pods for port in sights.ports} == {0}
